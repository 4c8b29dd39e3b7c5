// SPDX-License-Identifier: GPL-2.0-only
/*
 * The files of a recording: created, begun anew by size or age, ended, and the oldest removed.
 */
#include "recording_state.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

int recording_part_path(const char *path, uint32_t part, char *buffer, size_t size)
{
	size_t len = strlen(path);
	int n;

	if (len >= 4 && !strcmp(path + len - 4, ".mms"))
		len -= 4;
	if (!part)
		n = snprintf(buffer, size, "%s", path);
	else
		n = snprintf(buffer, size, "%.*s.%04u.mms", (int)len, path, part);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* All of it at that place, or the file is as long as before and -errno is returned. */
int recording_write_all(int fd, const void *data, size_t size, uint64_t at)
{
	const char *p = data;
	size_t done = 0;
	int err = 0;

	while (done < size && !err) {
		ssize_t n = pwrite(fd, p + done, size - done, (off_t)(at + done));

		if (n > 0)
			done += (size_t)n;
		else if (!n)
			err = -EIO;
		else if (errno != EINTR)
			err = -errno;
	}
	/* should this fail as well: the next frame is written over what is left */
	if (err && ftruncate(fd, (off_t)at))
		return err;
	return err;
}

static int sync_directory(const char *path)
{
	char *copy = strdup(path);
	int fd, err = 0;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd))
		err = -errno;
	if (fd >= 0)
		close(fd);
	free(copy);
	/* some file systems cannot */
	return err == -EINVAL ? 0 : err;
}

/* A link or a device in its place was meant for something else, and stays. */
static void unlink_file(const char *path)
{
	struct stat st;

	if (!lstat(path, &st) && S_ISREG(st.st_mode))
		unlink(path);
}

static int write_header(const struct recording *w, int fd, uint32_t part, uint64_t sequence, uint64_t *end)
{
	size_t facts_size = strlen(w->o.facts);
	size_t size = sizeof(struct recording_head) + record_span((uint32_t)facts_size);
	struct recording_head head = {
		.magic = RECORDING_MAGIC, .major = RECORDING_MAJOR, .minor = RECORDING_MINOR,
		.size = (uint32_t)size, .facts_size = (uint32_t)facts_size, .part = part, .id = w->id,
		.first_sequence = sequence, .start_ns = w->now_ns,
		.real_ns = w->now_ns + w->real_offset_ns
	};
	uint8_t *out;
	int err;

	if (facts_size > RECORDING_HEADER_MAX - sizeof(head))
		return -EINVAL;
	out = calloc(1, size);
	if (!out)
		return -ENOMEM;
	memcpy(out + sizeof(head), w->o.facts, facts_size);
	head.facts_crc = (uint32_t)crc32_z(0, out + sizeof(head), size - sizeof(head));
	head.crc = (uint32_t)crc32_z(0, (const void *)&head, offsetof(struct recording_head, crc));
	memcpy(out, &head, sizeof(head));
	err = recording_write_all(fd, out, size, 0);
	free(out);
	*end = size;
	return err;
}

/* The file's descriptor, or -errno, and then there is no such file. */
int recording_part_create(struct recording *w, uint32_t part, uint64_t sequence, char **path, uint64_t *at)
{
	size_t size = strlen(w->o.path) + sizeof(".4294967295.mms");
	char *name = malloc(size);
	int fd, err;

	if (!name)
		return -ENOMEM;
	err = recording_part_path(w->o.path, part, name, size);
	if (!err && w->o.replace)
		unlink_file(name);
	fd = err ? -1 : open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		err = err ? err : -errno;
		free(name);
		return err;
	}
	err = write_header(w, fd, part, sequence, at);
	if (err) {
		close(fd);
		unlink(name);
		free(name);
		return err;
	}
	*path = name;
	return fd;
}

bool recording_part_is_full(const struct recording *w)
{
	if (w->part_frames <= w->part_preamble || w->stopped)
		return false;
	return (w->o.part_bytes && w->at >= w->o.part_bytes) ||
	       (w->o.part_age_ns && w->now_ns - w->part_ns >= w->o.part_age_ns);
}

int recording_part_end(struct recording *w, uint32_t next)
{
	struct record_end end = {
		.records = w->part_records + w->frame_records + 1, .frames = w->part_frames + 1,
		.all_records = w->totals.records + w->frame_records + 1,
		.all_frames = w->totals.frames + 1, .dropped = w->totals.dropped_records,
		.next_part = next
	};
	int err;

	recording_end_append(w, &end);
	err = recording_frame_close(w);
	if (fsync(w->fd) && !err)
		err = -errno;
	return err ? err : sync_directory(w->file);
}

static void remove_oldest(struct recording *w)
{
	size_t size = strlen(w->o.path) + sizeof(".4294967295.mms");
	char *name;

	if (!w->o.keep_parts || w->totals.part < w->o.keep_parts)
		return;
	name = malloc(size);
	if (name && !recording_part_path(w->o.path, w->totals.part - w->o.keep_parts, name, size))
		unlink_file(name);
	free(name);
}

void recording_part_turn(struct recording *w)
{
	uint64_t at;
	char *file;
	int fd, err;

	recording_frame_close(w);
	if (w->stopped)
		return;
	/* the END record's frame comes between the two */
	fd = recording_part_create(w, w->totals.part + 1, w->sequence + 1, &file, &at);
	if (fd < 0) {
		if (!w->not_turning)
			recording_say(w, "cannot begin the next part of %s: %s; going on with %s",
				      w->o.path, strerror(-fd), w->file);
		w->not_turning = true;
		return;
	}
	w->not_turning = false;
	err = recording_part_end(w, w->totals.part + 1);
	if (close(w->fd) && !err)
		err = -errno;
	if (err)
		recording_say(w, "cannot end %s as it should be: %s", w->file, strerror(-err));
	free(w->file);
	w->file = file;
	w->fd = fd;
	w->at = at;
	w->part_ns = w->now_ns;
	w->part_records = w->part_frames = w->part_preamble = 0;
	w->totals.bytes += at;
	w->totals.part++;
	keep_write_all(w);
	recording_frame_close(w);
	w->part_preamble = w->part_frames;
	remove_oldest(w);
}
