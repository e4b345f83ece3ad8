/*
 * Sections: memory that several processes share, by name, by inheritance, or as a file.
 *
 * The model is Windows' file mapping. A section is what is shared; a view is where a process sees it,
 * or a part of it; a handle, struct sa_section, is what views are mapped from. The section and its
 * name go when the last handle and view of it anywhere are gone, however the processes that had
 * them ended. doc/sections.md tells how, what each error means, and what processes that share a
 * section can do to each other; doc/windows-memory.md what replaces which function of Windows.
 *
 * Every function may be called by any thread. In the child of a fork, handles and views go on as its
 * own; an exec ends them. What fails returns NULL or -1 and sets errno:
 *
 *   EINVAL      a size or length of zero, a name with a slash in it or of no letters, a flag or an
 *               access that there is not, a path to a device or a pipe
 *   ENAMETOOLONG  a name longer than SA_SECTION_NAME_MAX bytes
 *   EOVERFLOW   a size larger than an address space
 *   EDOM        an offset, a place, or a size in large pages that is no multiple of sa_section_page
 *   ERANGE      bytes past the end of the section or of the view
 *   ENOENT      no section of that name
 *   EEXIST      asked for a new one, and the name is taken
 *   EMSGSIZE    the name is taken by a section of another size
 *   ENODATA     the file has become shorter than what was to be used of it
 *   ENOSPC      no space left for that many bytes
 *   EACCES      no permission; or to write what was opened to be read
 *   EADDRINUSE  something is mapped at the place that was asked for
 *   EFAULT      an address in no view, an offset that no view shows
 *   EBUSY       for a second another process was about to open or to remove the name, or pretended to be
 *   EIO         the bytes could not be written to the disk
 *   ENOTSUP     no large pages to be had, or not of this kind of section
 *   EISDIR, ENXIO, ELOOP  a path leads to a directory, to a socket, or in a circle
 *   ENOMEM, EMFILE, ENFILE   no address space or descriptors left
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STUBALLOC_SECTION_H
#define STUBALLOC_SECTION_H

#include <stdint.h>

#include <stuballoc.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sa_section sa_section;

/* LARGE_PAGES are for unnamed sections only. Names that GROUP or ALL may open are told apart from those
 * of one user alone: who opens such a one says so, too. */
enum {
  SA_SECTION_READ_ONLY = 1,    /* this handle is for views that do not write to it */
  SA_SECTION_EXCLUSIVE = 2,    /* EEXIST if the name or the file exists; not with READ_ONLY */
  SA_SECTION_GROUP = 4,        /* the creator's group may open it as well, */
  SA_SECTION_ALL = 8,          /* or any user, */
  SA_SECTION_OTHERS_READ = 16, /* but not to write */
  SA_SECTION_LARGE_PAGES = 32, /* in large pages, ENOTSUP where there are none */
  SA_SECTION_LARGE_PAGES_OR_NOT = 64, /* the same, or else in ordinary ones */
  SA_SECTION_DURABLE = 128,           /* of a file: sa_view_flush waits for the disk */
};

enum { SA_SECTION_NAME_MAX = 200 };

enum {
  SA_VIEW_READ = 1,
  SA_VIEW_WRITE = 2, /* and read */
  SA_VIEW_COPY = 4,  /* and read; what is written stays private to the view */
};

/*
 * Creates a section of `size` bytes, all 0, or opens the one that has that name and size: then errno
 * is EEXIST beside the handle, else it is 0. Of several processes that create one name at once, one
 * gets the new section and the others are told that it existed.
 *
 * A NULL name makes an unnamed section, for this process, for children that it forks, and for whom
 * it passes sa_section_descriptor to.
 *
 * The space for all bytes is taken at once, so that no later use of them can fail for want of it.
 */
SA_API sa_section *sa_section_create(const char *name, size_t size, unsigned flags)
  SA_ATTRIBUTE(warn_unused_result);

/*
 * Makes the first `size` bytes of a file a section, whose contents they are. The file is made if
 * there is none, and grows to the size if it is shorter, with SA_SECTION_READ_ONLY neither: ENODATA.
 * GROUP, ALL and OTHERS_READ are the permissions of a file that is made, whatever the umask.
 */
SA_API sa_section *sa_section_create_file(const char *path, size_t size, unsigned flags)
  SA_ATTRIBUTE(warn_unused_result);

/* Opens a section that exists. The flags: READ_ONLY, and GROUP or ALL as its creator gave. */
SA_API sa_section *sa_section_open(const char *name, unsigned flags)
  SA_ATTRIBUTE(warn_unused_result);

/*
 * What another process can be given in order to use the section: a file descriptor on POSIX, a HANDLE
 * on Windows. It stays the section's, to be duplicated for who inherits it or is sent it; and
 * sa_section_adopt makes a section of such a one, which stays the caller's. -1 with errno ENOTSUP for
 * a section with a name, which is to be opened by its name; EINVAL for what cannot be a section.
 */
SA_API intptr_t    sa_section_descriptor(sa_section *s);
SA_API sa_section *sa_section_adopt(intptr_t descriptor, unsigned flags)
  SA_ATTRIBUTE(warn_unused_result);

/* The bytes of the section; and of what offsets and places must be multiples: a page, on Windows
 * 64 KiB, or a large page if the section is in such. */
SA_API uint64_t sa_section_size(const sa_section *s);
SA_API size_t   sa_section_page(const sa_section *s);

/*
 * Shows `length` bytes from `offset` on, and returns where: at `at`, which must be free, or with NULL
 * anywhere. `access` is one of SA_VIEW_. The bytes after them, up to the end of the page, read as 0
 * where the section ends.
 *
 * If a file is cut short afterwards, by whoever may write to it, its bytes are gone from the view:
 * sa_view_flush and sa_view_resident then fail with ENODATA, and who touches them gets SIGBUS, but for
 * those in the file's last page, which read as 0. Unless the program handles that signal itself, one
 * line on stderr says which section it was, first.
 */
SA_API void *sa_section_map(sa_section *s, void *at, uint64_t offset, size_t length,
                            unsigned access) SA_ATTRIBUTE(warn_unused_result);

/*
 * Writes what lies in `length` bytes of a view from `view` on, which may be an address inside; with 0,
 * up to its end. When it returns 0 they are in the file, for every reader of it; with
 * SA_SECTION_DURABLE also on the disk. (A view that copies has nothing to be written.)
 */
SA_API int sa_view_flush(const void *view, size_t length);

/* Ends a view, by its start. EFAULT if none starts there. */
SA_API int sa_view_unmap(void *view);

/* Hints about bytes of a view, which change nothing but the time they take. */
enum { SA_VIEW_LOAD = 1, SA_VIEW_LET_GO = 2 };
SA_API int sa_view_hint(const void *view, size_t length, unsigned hint);

/* Sets `resident` to how many bytes of the pages of a part of a view are in memory. */
SA_API int sa_view_resident(const void *view, size_t length, size_t *resident);

/* Gives up the handle; views, and scopes in the section, stay. NULL is ignored, errno kept. */
SA_API void sa_section_close(sa_section *s);

/* --- Offsets: what one process may tell another ----------------------------------------------- */

/*
 * The first bytes of a section, which no scope takes memory from: for what a program wants to find
 * there. No block is at offset 0 therefore, and 0 stands for none.
 */
enum { SA_SECTION_OWN = 65536 };

/* The offset of an address in any view of the section, or of a block of a scope in it. UINT64_MAX
 * with errno EFAULT when it is in none. */
SA_API uint64_t sa_section_offset(sa_section *s, const void *p);

/* The address at an offset, in a view of the section that this process has; NULL with errno ERANGE
 * past the section's end, EFAULT where there is no view. */
SA_API void *sa_section_pointer(sa_section *s, uint64_t offset);

/* The same for `length` bytes, all of them in one view: for offsets and lengths from elsewhere. */
SA_API void *sa_section_range(sa_section *s, uint64_t offset, size_t length);

#if defined(__GNUC__)
/*
 * Offset pointers: what a list or tree in a section is built of. They count from the start of the
 * section, not from where they stand, so a node may be copied out of the section before it is
 * believed, and they are the same numbers that sa_section_offset gives.
 *
 *   struct node { SA_OFFSET(struct node) next; int value; };
 *
 *   sa_span span = {view, 0, length};                      a view, as who reads it knows it,
 *   sa_span span = sa_span_of_block(section, block);       or where a scope's blocks lie
 *   SA_POINT(span, node->next, other);                     NULL: to none
 *   for (struct node *n = first; n; n = SA_FOLLOW(span, n->next))
 *
 * SA_FOLLOW gives NULL for an offset whose object is not wholly inside the span, or not aligned, and
 * reads the offset once: a reader never leaves its view. That a chain may be a circle, and change as it
 * is read, is for the reader to think of: doc/sections.md.
 */
typedef struct sa_span {
  void    *start;
  uint64_t offset; /* of the start in the section */
  uint64_t length;
} sa_span;

#define SA_OFFSET(type)                                                                            \
  union {                                                                                          \
    uint64_t offset; /* 0: none */                                                                 \
    type    *type_;  /* never used as such */                                                      \
  }

#define SA_POINT(span, link, pointer)                                                              \
  ((void)(0 ? (link).type_ == (pointer) : 0), (link).offset = sa_span_offset((span), (pointer)))

#define SA_FOLLOW(span, link)                                                                      \
  ((__typeof__((link).type_))sa_span_at((span), __atomic_load_n(&(link).offset, __ATOMIC_RELAXED), \
                                        sizeof *(link).type_, __alignof__(*(link).type_)))

/* Where all blocks of this process's scopes in a section lie, by one of them. Of what is none, a span
 * that nothing is in. */
static inline sa_span
sa_span_of_block(sa_section *s, const void *block)
{
  sa_span  span = {NULL, 0, 0};
  uint64_t offset = sa_section_offset(s, block);
  if (offset != UINT64_MAX) {
    span.start = (char *)(uintptr_t)block - offset;
    span.length = sa_section_size(s) / SA_SECTION_OWN * SA_SECTION_OWN; /* in whole units */
  }
  return span;
}

/* The offset of what `pointer` points at; 0 for NULL, and for what is outside of the span. */
static inline uint64_t
sa_span_offset(sa_span span, const void *pointer)
{
  uint64_t within = (uint64_t)((uintptr_t)pointer - (uintptr_t)span.start);
  return pointer && within < span.length ? span.offset + within : 0;
}

/* Where `size` bytes at an offset are; NULL where they are not all in the span, or not aligned. */
static inline void *
sa_span_at(sa_span span, uint64_t offset, uint64_t size, uint64_t alignment)
{
  uint64_t within = offset - span.offset;
  if (offset == 0 || offset < span.offset || within > span.length || size > span.length - within)
    return NULL;
  char *at = (char *)span.start + within;
  return (uintptr_t)at % alignment == 0 ? at : NULL;
}
#endif

#ifdef __cplusplus
}
#endif

#endif /* STUBALLOC_SECTION_H */
