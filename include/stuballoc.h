/*
 * stuballoc: memory for the stubs that an IDL compiler generates.
 *
 * The engine: a general allocator with one cache a thread. Allocating and freeing on one thread
 * takes no lock, no atomic read-modify-write and no fence; freeing from another thread is
 * lock-free and never makes the owner of the memory wait.
 *
 * Every function here may be called by any thread at any time, thread-local destructors, atexit
 * handlers and the child of a fork included; none may be called from a signal handler.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STUBALLOC_H
#define STUBALLOC_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SA_ATTRIBUTE(...) __attribute__((__VA_ARGS__))
#else
#define SA_ATTRIBUTE(...)
#endif

#if defined(__GNUC__) && !defined(_WIN32)
#define SA_API __attribute__((visibility("default")))
#else
#define SA_API
#endif

/*
 * Gives back a block, which any thread may do, whichever thread allocated it. NULL is ignored;
 * errno is left as it was.
 *
 * A pointer that the engine never gave out is said on stderr, with its reason, and the program
 * aborts; so is the second free in a row of one small block, and, where the engine comes upon
 * them off its fast path, a pointer inside a block or a block freed twice. A build configured
 * with --enable-debug finds all of these at once.
 */
SA_API void sa_free(void *block);

/*
 * Returns a block of at least `size` bytes, aligned to 16 bytes, or to 8 where size is below 16.
 * Its contents are undefined. A size of 0 gives a block of its own that must be freed, too.
 * NULL with errno ENOMEM when there is no memory, or for a size over PTRDIFF_MAX.
 */
SA_API void *sa_malloc(size_t size) SA_ATTRIBUTE(malloc, alloc_size(1), warn_unused_result);

/*
 * Returns a zeroed block for `count` elements of `size` bytes, as sa_malloc does. A product that
 * overflows gives NULL with errno ENOMEM, like one over PTRDIFF_MAX.
 */
SA_API void *sa_calloc(size_t count, size_t size)
  SA_ATTRIBUTE(malloc, alloc_size(1, 2), warn_unused_result);

/*
 * Changes the size of a block, moving it where it must, and returns where it is now; the contents
 * are kept up to the smaller size. Large blocks grow in place or move by page, uncopied, where the
 * system can. A NULL block makes it sa_malloc(size); a size of 0 gives the smallest block (it
 * never frees). On failure: NULL, errno ENOMEM, and the old block stays as it was.
 */
SA_API void *sa_realloc(void *block, size_t size) SA_ATTRIBUTE(alloc_size(2), warn_unused_result);

/*
 * Returns a block of at least `size` bytes at a multiple of `alignment`, which must be a power of
 * two, else NULL with errno EINVAL. The size need not be a multiple of it. sa_realloc keeps the
 * contents of such a block, not its alignment.
 */
SA_API void *sa_aligned_alloc(size_t alignment, size_t size)
  SA_ATTRIBUTE(malloc, alloc_size(2), alloc_align(1), warn_unused_result);

/*
 * The bytes that may be used in a block: at least what was asked for. 0 for NULL; a pointer that
 * is no block is misuse, as for sa_free.
 */
SA_API size_t sa_usable_size(const void *block);

/*
 * Gives idle memory back to the system now and returns the bytes given: all that lies between
 * the threads' caches, and what the calling thread's own cache holds. The other threads' caches,
 * each at most a slab for a size class, follow at their next step off the fast path. Idle memory
 * beyond a small reserve goes back by itself, so no program needs this.
 */
SA_API size_t sa_trim(void);

#ifdef __cplusplus
}
#endif

#endif /* STUBALLOC_H */
