/*
 * Pages from the system, on POSIX and Windows alike, by VirtualAlloc's model: address space is
 * reserved first, and holds nothing; parts of it are committed, and may then be used; a part that
 * is decommitted loses its contents and its memory.
 *
 * Addresses and lengths are multiples of sa_pages_size(), and lengths are not 0, else errno is
 * EINVAL; what is not inside one reservation is the caller's fault, and not found out everywhere.
 * What fails returns NULL or -1 with errno set, ENOMEM when the system has no more to give.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STUBALLOC_PAGES_H
#define STUBALLOC_PAGES_H

#include <stuballoc.h>

#ifdef __cplusplus
extern "C" {
#endif

SA_API size_t sa_pages_size(void);
SA_API size_t sa_pages_large_size(void);

/* Reserves address space at a multiple of `alignment`, a power of two, or 0 for the system's choice.
 * Touching it is a fault until it is committed. */
SA_API void *sa_pages_reserve(size_t length, size_t alignment) SA_ATTRIBUTE(warn_unused_result);

/* Makes pages usable; new ones read as 0, and committing once more does no harm. */
SA_API int sa_pages_commit(void *at, size_t length);

/* Takes the memory of pages back. They must be committed again before they are used, then are 0. */
SA_API int sa_pages_decommit(void *at, size_t length);

/* What committed pages may be used for. */
enum { SA_PAGES_NONE, SA_PAGES_READ, SA_PAGES_WRITE };
SA_API int sa_pages_protect(void *at, size_t length, unsigned access);

/* Gives a whole reservation back, with what is committed in it. */
SA_API int sa_pages_release(void *at, size_t length);

/*
 * Commits explicit large pages; address and length are multiples of sa_pages_large_size(). -1 with
 * errno ENOTSUP where the system has none to give: the range is then committed in ordinary pages,
 * and may be used; or with ENOMEM, when it took the range away and must not be touched any more.
 * sa_pages_decommit does not take them back; sa_pages_release does.
 */
SA_API int sa_pages_commit_large(void *at, size_t length);

#ifdef __cplusplus
}
#endif

#endif /* STUBALLOC_PAGES_H */
