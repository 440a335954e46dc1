/* SPDX-License-Identifier: MIT */
/*
 * walk.c - the files below the PATHs, in the order of the bytes of their names.
 *
 * A PATH that is a directory, or a link to one, is walked as `find -H PATH -type
 * f` walks it: regular files only, links inside it are not followed. Any other
 * PATH is one file, whatever it is.
 *
 * ORDER
 *	Nothing is collected first: the walk sorts one directory at a time, with a
 *	slash behind the names of directories, and descends when it comes to one.
 *	As names have no slashes of their own, this is the order of whole paths:
 *	"a.c" < "a/b" < "a0" because '.' < '/' < '0'.
 *
 *	PATHs may lie inside each other ("src src/base"). So each PATH that is a
 *	directory has a walk of its own, begun when its turn comes, and the smallest
 *	of the files that the walks stand at is the next one. There is nearly always
 *	one walk.
 *
 * A directory that cannot be read is a file of the kind FILE_NO_WAY.
 *
 * Memory: the names in the directories between a PATH and the current file.
 */
#include "crew-sum.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A directory with the names in it that matter; those of directories end in a slash. */
struct level {
	struct level *up;
	size_t prefix_length; /* of trail->path: this directory with its slash */
	size_t at;
	size_t count;
	const char **sorted; /* into `names` */
	char *names;
	int error; /* reading it broke off */
};

/* One PATH being walked. */
struct trail {
	struct trail *next;
	struct level *level; /* the innermost; NULL: at the end */
	char *path;	     /* of the file it stands at; room for path_size bytes */
	size_t path_size;
	bool standing; /* at `path`, with `error` */
	int error;
};

struct root {
	char *key; /* the PATH; a slash follows when it is a directory */
	const char *path;
	bool is_directory;
	bool may_hang;
};

struct walk {
	struct source source;
	struct trail *trails;
	char *const *paths;
	size_t path_count;
	struct root *roots; /* sorted; NULL before the first next() */
	size_t root_at;
};

struct file *file_new(const char *name, size_t length)
{
	struct file *file = calloc(1, sizeof(*file) + length + 1);

	if (file == NULL)
		out_of_memory();
	atomic_init(&file->next, NULL);
	atomic_init(&file->done, false);
	memcpy(file->name, name, length);
	return file;
}

static void *grow(void *memory, size_t bytes)
{
	void *grown = realloc(memory, bytes);

	if (grown == NULL)
		out_of_memory();
	return grown;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_roots(const void *a, const void *b)
{
	return strcmp(((const struct root *)a)->key, ((const struct root *)b)->key);
}

/* DT_REG, DT_DIR, or anything else. */
static int type_of(DIR *directory, const struct dirent *entry)
{
	struct stat info;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type;
	if (fstatat(dirfd(directory), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
		return DT_UNKNOWN;
	return S_ISDIR(info.st_mode) ? DT_DIR : S_ISREG(info.st_mode) ? DT_REG : DT_UNKNOWN;
}

static void read_names(struct level *level, DIR *directory)
{
	size_t used = 0, size = 0;

	for (;;) {
		const struct dirent *entry;
		size_t length;
		int type;

		errno = 0;
		entry = readdir(directory);
		if (entry == NULL) {
			level->error = errno;
			break;
		}
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		type = type_of(directory, entry);
		if (type != DT_REG && type != DT_DIR)
			continue;
		length = strlen(entry->d_name);
		if (used + length + 2 > size) {
			size = 2 * size + 4096;
			level->names = grow(level->names, size);
		}
		memcpy(level->names + used, entry->d_name, length);
		used += length;
		if (type == DT_DIR)
			level->names[used++] = '/';
		level->names[used++] = '\0';
		level->count++;
	}

	if (level->count > 0)
		level->sorted = grow(NULL, level->count * sizeof(*level->sorted));
	for (size_t i = 0, offset = 0; i < level->count; i++) {
		level->sorted[i] = level->names + offset;
		offset += strlen(level->sorted[i]) + 1;
	}
	if (level->count > 1)
		qsort(level->sorted, level->count, sizeof(*level->sorted), compare_names);
}

/* Puts `name` behind the first `at` bytes of the path. */
static void set_path(struct trail *trail, size_t at, const char *name)
{
	size_t length = strlen(name);

	if (at + length + 1 > trail->path_size) {
		trail->path_size = 2 * (at + length) + 256;
		trail->path = grow(trail->path, trail->path_size);
	}
	memcpy(trail->path + at, name, length + 1);
}

/* Stands still at the directory trail->path, without its slash unless it is "/". */
static void stand_at_trouble(struct trail *trail, size_t length, int error)
{
	if (length > 1)
		trail->path[length - 1] = '\0';
	trail->error = error;
	trail->standing = true;
}

/* Into the directory trail->path, which ends in a slash. */
static void descend(struct trail *trail)
{
	size_t length = strlen(trail->path);
	DIR *directory = opendir(trail->path);
	struct level *level;

	if (directory == NULL) {
		stand_at_trouble(trail, length, errno);
		return;
	}
	level = calloc(1, sizeof(*level));
	if (level == NULL)
		out_of_memory();
	level->up = trail->level;
	level->prefix_length = length;
	read_names(level, directory);
	closedir(directory);
	trail->level = level;
}

static void ascend(struct trail *trail)
{
	struct level *level = trail->level;

	trail->level = level->up;
	if (level->error != 0) {
		trail->path[level->prefix_length] = '\0';
		stand_at_trouble(trail, level->prefix_length, level->error);
	}
	free(level->sorted);
	free(level->names);
	free(level);
}

/* Goes on to the next file. false: there is none. */
static bool advance(struct trail *trail)
{
	while (!trail->standing) {
		struct level *level = trail->level;
		const char *name;

		if (level == NULL)
			return false;
		if (level->at == level->count) {
			ascend(trail);
			continue;
		}
		name = level->sorted[level->at++];
		set_path(trail, level->prefix_length, name);
		if (name[strlen(name) - 1] == '/') {
			descend(trail);
		} else {
			trail->error = 0;
			trail->standing = true;
		}
	}
	return true;
}

static void begin_trail(struct walk *walk, const struct root *root)
{
	struct trail *trail = calloc(1, sizeof(*trail));

	if (trail == NULL)
		out_of_memory();
	set_path(trail, 0, root->key);
	descend(trail);
	trail->next = walk->trails;
	walk->trails = trail;
}

static void free_trail(struct trail *trail)
{
	trail->standing = false;
	while (trail->level != NULL) {
		trail->level->error = 0;
		ascend(trail);
	}
	free(trail->path);
	free(trail);
}

/* The trail that stands at the smallest path, NULL when all are at their end. */
static struct trail *smallest(struct walk *walk)
{
	struct trail *best = NULL;

	for (struct trail **link = &walk->trails, *trail; (trail = *link) != NULL;) {
		if (!advance(trail)) {
			*link = trail->next;
			free_trail(trail);
			continue;
		}
		if (best == NULL || strcmp(trail->path, best->path) < 0)
			best = trail;
		link = &trail->next;
	}
	return best;
}

/* Which PATHs are directories; not in walk_open() because stat() may take its time. */
static void look_at_roots(struct walk *walk)
{
	walk->roots = calloc(walk->path_count + 1, sizeof(*walk->roots));
	if (walk->roots == NULL)
		out_of_memory();
	for (size_t i = 0; i < walk->path_count; i++) {
		struct root *root = &walk->roots[i];
		size_t length = strlen(walk->paths[i]);
		struct stat info;

		root->path = walk->paths[i];
		root->key = grow(NULL, length + 2);
		memcpy(root->key, root->path, length + 1);
		if (strcmp(root->path, "-") == 0) {
			root->may_hang = true;
		} else if (stat(root->path, &info) == 0) {
			root->is_directory = S_ISDIR(info.st_mode);
			root->may_hang = !S_ISREG(info.st_mode);
		}
		if (root->is_directory && root->key[length - 1] != '/')
			memcpy(root->key + length, "/", 2);
	}
	qsort(walk->roots, walk->path_count, sizeof(*walk->roots), compare_roots);
}

static struct file *walk_next(struct source *source)
{
	struct walk *walk = (struct walk *)source;
	struct file *file;

	if (walk->roots == NULL)
		look_at_roots(walk);
	for (;;) {
		struct trail *trail = smallest(walk);
		const struct root *root = &walk->roots[walk->root_at];

		if (root->path != NULL && (trail == NULL || strcmp(root->key, trail->path) <= 0)) {
			walk->root_at++;
			if (root->is_directory) {
				begin_trail(walk, root);
				continue;
			}
			file = file_new(root->path, strlen(root->path));
			file->is_stdin = strcmp(root->path, "-") == 0;
			file->may_hang = root->may_hang;
			return file;
		}
		if (trail == NULL)
			return NULL;
		file = file_new(trail->path, strlen(trail->path));
		file->kind = trail->error != 0 ? FILE_NO_WAY : FILE_TO_HASH;
		file->error = trail->error;
		trail->standing = false;
		return file;
	}
}

static void walk_close(struct source *source)
{
	struct walk *walk = (struct walk *)source;

	while (walk->trails != NULL) {
		struct trail *trail = walk->trails;

		walk->trails = trail->next;
		free_trail(trail);
	}
	for (size_t i = 0; walk->roots != NULL && i < walk->path_count; i++)
		free(walk->roots[i].key);
	free(walk->roots);
	free(walk);
}

struct source *walk_open(char *const paths[], size_t count)
{
	struct walk *walk = calloc(1, sizeof(*walk));

	if (walk == NULL)
		out_of_memory();
	walk->source.next = walk_next;
	walk->source.close = walk_close;
	walk->paths = paths;
	walk->path_count = count;
	return &walk->source;
}
