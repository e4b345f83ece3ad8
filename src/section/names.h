/* What names.c, posix.c and fork.c share: see section.h. */
#ifndef SA_SECTION_NAMES_H
#define SA_SECTION_NAMES_H

#include <sys/stat.h>

#include "section/section.h"

#pragma GCC visibility push(hidden)

/* --- names.c ---------------------------------------------------------------------------------- */

/* The file of a name; and opened, in the cases below. */
void sa_name_file(char *file, const char *name, unsigned flags);
/* 0: it is new; EEXIST: it was there, and is open as well unless it had to be new; else it is not. */
int sa_name_create(const char *name, uint64_t size, unsigned flags, int *file);
int sa_name_open(const char *name, unsigned flags, int *file);
/* Closes it, and removes the name if nobody uses it any more. */
void sa_name_leave(const char *name, int file);
/* An open file description of its own, for a further user; -1: none to be had. */
int sa_name_share(int file);

/* What may be done with a section's file. */
mode_t sa_section_mode(unsigned flags);

/* --- locks ------------------------------------------------------------------------------------ */

/* The first byte that stands for a unit, far behind what a file can have. */
#define SA_CLAIMS ((off_t)1 << 62)

/* --- posix.c: files --------------------------------------------------------------------------- */

/* Gives a file that is shorter so many bytes, and the space for them; 0 or an errno value. */
int sa_file_grow(int file, uint64_t size);
/* The path of a descriptor; and a new open file description of what it is open on, or -1. */
enum { SA_DESCRIPTOR_PATH = 32 };
void sa_descriptor_path(char *path, int descriptor);
int  sa_descriptor_reopen(int descriptor);

/* Makes a view private, where it is. */
void sa_backing_make_private(const struct sa_backing *backing, void *view, size_t length);

#pragma GCC visibility pop

#endif
