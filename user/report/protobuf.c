// SPDX-License-Identifier: GPL-2.0-only
/*
 * The encoding of Protocol Buffers, as far as a trace needs it.
 */
#include "protobuf.h"

#include <string.h>

enum wire { VARINT = 0, FIXED64 = 1, BYTES = 2 };

static void put(struct pb *b, const void *data, size_t n)
{
	if (b->full || n > b->room - b->n) {
		b->full = true;
		return;
	}
	memcpy(b->data + b->n, data, n);
	b->n += n;
}

static void varint(struct pb *b, uint64_t value)
{
	uint8_t bytes[10];
	size_t n = 0;

	do {
		bytes[n] = value & 0x7f;
		value >>= 7;
		bytes[n] |= value ? 0x80 : 0;
		n++;
	} while (value);
	put(b, bytes, n);
}

static void tag(struct pb *b, uint32_t field, enum wire wire)
{
	varint(b, (uint64_t)field << 3 | wire);
}

void pb_uint(struct pb *b, uint32_t field, uint64_t value)
{
	tag(b, field, VARINT);
	varint(b, value);
}

void pb_double(struct pb *b, uint32_t field, double value)
{
	tag(b, field, FIXED64);
	put(b, &value, sizeof(value));
}

static void bytes(struct pb *b, uint32_t field, const void *data, size_t n)
{
	tag(b, field, BYTES);
	varint(b, n);
	put(b, data, n);
}

void pb_text(struct pb *b, uint32_t field, const char *text)
{
	bytes(b, field, text, strlen(text));
}

void pb_message(struct pb *b, uint32_t field, const struct pb *message)
{
	b->full |= message->full;
	bytes(b, field, message->data, message->n);
}
