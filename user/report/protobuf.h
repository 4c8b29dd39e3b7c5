/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages of Protocol Buffers, written into memory of the caller.  What does not fit is left out and noted.
 */
#ifndef MMUSCOPE_PROTOBUF_H
#define MMUSCOPE_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pb {
	uint8_t *data;
	size_t n;
	size_t room;
	bool full;
};

void pb_uint(struct pb *b, uint32_t field, uint64_t value);
void pb_double(struct pb *b, uint32_t field, double value);
void pb_text(struct pb *b, uint32_t field, const char *text);
void pb_message(struct pb *b, uint32_t field, const struct pb *message);

#endif /* MMUSCOPE_PROTOBUF_H */
