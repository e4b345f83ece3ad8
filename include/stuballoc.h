/*
 * stuballoc: memory for the stubs that an IDL compiler generates.
 *
 * The engine: a general allocator with one cache a thread. Allocating and freeing on one thread
 * takes no lock, no atomic read-modify-write and no fence; freeing from another thread is
 * lock-free and never makes the owner of the memory wait.
 *
 * Every function here may be called by any thread at any time, thread-local destructors, atexit
 * handlers and the child of a fork included; none may be called from a signal handler, which a build
 * configured with --enable-debug says when it comes in the middle of another call. A thread with
 * cancellation pending is not cancelled in any of them; asynchronous cancellation must be off. The
 * library stays loaded after a dlclose.
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

/* A program calls the shared library without the detour of the procedure linkage table, which costs
 * as much as a quarter of an allocation. */
#if !defined(SA_BUILDING) && defined(__has_attribute)
#if __has_attribute(noplt)
#define SA_DIRECT __attribute__((noplt))
#endif
#endif
#ifndef SA_DIRECT
#define SA_DIRECT
#endif

#if defined(_WIN32) && defined(SA_BUILDING) && defined(DLL_EXPORT)
#define SA_API __declspec(dllexport)
#elif defined(__GNUC__) && !defined(_WIN32)
#define SA_API __attribute__((visibility("default"))) SA_DIRECT
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
 * The same for a block that was asked for with that size: by sa_malloc, sa_aligned_alloc or
 * sa_scope_alloc, by sa_calloc with that product, or by the last sa_realloc. In the hardened mode another
 * size is misuse; else it makes no difference.
 */
SA_API void sa_free_sized(void *block, size_t size);

/*
 * Returns a block of at least `size` bytes, aligned to 16 bytes, or to 8 where size is below 16.
 * Its contents are undefined. A size of 0 gives a block of its own that must be freed, too.
 * NULL with errno ENOMEM when there is no memory, or for a size over PTRDIFF_MAX.
 */
SA_API void *sa_malloc(size_t size) SA_ATTRIBUTE(malloc, alloc_size(1), warn_unused_result);

/*
 * Returns a zeroed block for `count` elements of `size` bytes, as sa_malloc does: with a count or a
 * size of 0, a block of its own. NULL with errno ENOMEM when there is no memory, or for a product
 * that is over PTRDIFF_MAX or overflows.
 */
SA_API void *sa_calloc(size_t count, size_t size)
  SA_ATTRIBUTE(malloc, alloc_size(1, 2), warn_unused_result);

/*
 * Changes the size of a block, moving it where it must, and returns where it is now; the contents
 * are kept up to the smaller size. Large blocks grow and shrink in place, or move by page, uncopied,
 * where the system can. A NULL block makes it sa_malloc(size); a size of 0 gives the smallest block
 * (it never frees). When there is no memory, or for a size over PTRDIFF_MAX: NULL, errno ENOMEM, and
 * the old block stays as it was.
 */
SA_API void *sa_realloc(void *block, size_t size) SA_ATTRIBUTE(alloc_size(2), warn_unused_result);

/*
 * Returns a block of at least `size` bytes at a multiple of `alignment`, which must be a power of
 * two, else NULL with errno EINVAL. The size need not be a multiple of it; 0 gives a block of its
 * own. NULL with errno ENOMEM when there is no memory, or for a size or an alignment over
 * PTRDIFF_MAX. sa_realloc keeps the contents of such a block, not its alignment.
 */
SA_API void *sa_aligned_alloc(size_t alignment, size_t size)
  SA_ATTRIBUTE(malloc, alloc_size(2), alloc_align(1), warn_unused_result);

/*
 * The bytes that may be used in a block: at least what was asked for, and just that under memcheck. 0 for
 * NULL; a pointer that is no block is misuse, as for sa_free.
 */
SA_API size_t sa_usable_size(const void *block);

/*
 * Gives idle memory back to the system now and returns the bytes given: all that lies between
 * the threads' caches, and what the calling thread's own cache holds. The other threads' caches,
 * each at most a slab for a size class, follow at their next step off the fast path; the 64 KiB that
 * each may keep for its next scope, only when it has ended that one. Idle memory beyond a small
 * reserve goes back by itself, so no program needs this.
 */
SA_API size_t sa_trim(void);

/*
 * Scopes: memory that lives as long as a call and goes away at once.
 *
 * A thread has a stack of scopes; the top one is where its stubs allocate. Any number of threads
 * may be inside one scope, each allocating without a lock; any thread may free, resize or measure
 * a block of it by sa_free, sa_realloc and sa_usable_size, inside or not. A freed block is used
 * again at once: by the thread whose memory it is, or, freed by another one, by whichever thread
 * inside runs out first. What a thread frees of its own is for it alone, until it leaves; of the
 * creating thread, always.
 *
 * A block of a scope that is freed twice, a pointer inside one, or to one whose scope is gone, a
 * handle that is no scope or was destroyed, and a leave of a scope that the thread is not inside
 * are said on stderr, with the reason and the scope's name, and the program aborts. (What was
 * destroyed is not recognised once another scope has taken its place.)
 */
typedef struct sa_scope sa_scope;
struct sa_section;

/* All zero, or NULL in its place, are the defaults. It grows only at its end. */
typedef struct sa_scope_options {
  const char        *name;    /* for reports, of which the first 31 bytes are copied */
  size_t             budget;  /* the most bytes that it may hold; 0: no limit */
  struct sa_section *section; /* take memory there: <stuballoc/section.h>; NULL: from the engine */
  unsigned           flags;   /* SA_SCOPE_ */
} sa_scope_options;

/* An entry of the creating thread that ends without a leave of its own, because a scope entered
 * before was left (a longjmp or an exception went past this one) or the thread has exited,
 * destroys the scope, too. */
#define SA_SCOPE_UNWIND 1u

/*
 * Creates a scope, which nobody is inside yet. NULL with errno ENOMEM when there is no memory.
 *
 * With a section, all blocks of the scope lie in it, in units of 64 KiB that no other scope of any
 * process has, and there is no memory when the section has no unit left. The handle of the section
 * may be closed meanwhile. NULL with errno EACCES when the section is open to be read only, ENOSPC
 * when it has less than 128 KiB, EMFILE when too many sections have scopes, EBUSY in the child of a
 * fork that found such scopes in that section (they are its own copies), or what
 * <stuballoc/section.h> says.
 *
 * A scope takes memory in chunks, all of 64 KiB, of which 59 are for blocks. What starts small and
 * grows is how much of them it uses and is charged with: 11 KiB of each thread's first one, then all;
 * with a budget, its own or one around it, 4 KiB or a block at a time. Blocks are rounded up to at most
 * an eighth more.
 *
 * A scope created while the thread is inside another with a budget is charged to that one, too, as long
 * as it lives, and cannot exceed it either; also where the thread has entered one without a budget
 * since. Of several with a budget, it is the one entered last.
 */
SA_API sa_scope *sa_scope_create(const sa_scope_options *options) SA_ATTRIBUTE(warn_unused_result);

/*
 * Ends a scope, by any thread, once. The calling thread leaves it if it is inside. All that the
 * scope holds is freed: at once, or when the last other thread that is inside leaves or exits; what
 * such a thread allocates in the meantime still works. NULL is ignored.
 *
 * The thread that created a scope enters, leaves and destroys it without a lock, and, but for its first
 * one, without a system call. A destroy by another thread makes one, membarrier where the system has
 * it, which interrupts each running thread of the process for a moment: so let the creator destroy
 * what comes and goes often.
 */
SA_API void sa_scope_destroy(sa_scope *scope);

/*
 * Puts a scope on top of the calling thread's stack, where it may be already. 0; or -1, with errno
 * ENOMEM when there is no memory, or EINVAL for NULL. A thread that exits leaves all its scopes.
 */
SA_API int sa_scope_enter(sa_scope *scope);

/*
 * Takes a scope off the calling thread's stack, where it was put last, and whatever was left above
 * it, which the scope's statistics count as unwound.
 */
SA_API void sa_scope_leave(sa_scope *scope);

/* The scope on top of the calling thread's stack; NULL when there is none. */
SA_API sa_scope *sa_scope_current(void);

/*
 * Returns a block of at least `size` bytes that lives as long as the scope, aligned to 16 bytes. A
 * size of 0 gives a block of its own. The calling thread need not be inside; it is quickest where
 * the scope is the current one. NULL with errno ENOMEM when there is no memory, for a size over
 * PTRDIFF_MAX, and for what the budget does not allow; the scope can be used on. NULL with EINVAL
 * when `scope` is NULL.
 */
SA_API void *sa_scope_alloc(sa_scope *scope, size_t size)
  SA_ATTRIBUTE(malloc, alloc_size(2), warn_unused_result);

/*
 * Moves a block out of its scope: from then on it is as if sa_malloc had returned it. Returns where
 * it is now: large blocks stay where they are, others are copied. A block that is in no scope, and
 * NULL, are returned as they are. NULL with errno ENOMEM when there is no memory; the block then
 * stays in its scope.
 */
SA_API void *sa_scope_keep(void *block) SA_ATTRIBUTE(warn_unused_result);

/* What a scope holds, and what became of it. Grows into what is reserved, which is 0. */
struct sa_scope_stats {
  size_t blocks;      /* allocated and not freed */
  size_t bytes;       /* of those */
  size_t held;        /* bytes charged to its budget, scopes inside it included */
  size_t peak;        /* the most that it ever held */
  size_t chunks;      /* of 64 KiB, which threads that are inside take for small blocks */
  size_t over_budget; /* allocations refused for a budget */
  size_t unwound;     /* entries that a leave of this scope found above it */
  size_t reserved[9];
};

/*
 * Counts what a scope holds, which takes time by what it holds. Blocks that other threads allocate
 * or free meanwhile may be counted or not.
 */
SA_API void sa_scope_get_stats(sa_scope *scope, struct sa_scope_stats *stats);

#if defined(__GNUC__)
/*
 * SA_SCOPED(options); as a statement: creates a scope and enters it, until the end of the block
 * that the statement stands in, however the block is left, where it is destroyed. If there is no
 * memory, nothing happens. A longjmp past it is made up for when a scope around it is left.
 */
#define SA_SCOPED(...) SA_SCOPED_AS_(__COUNTER__, __VA_ARGS__)
#define SA_SCOPED_AS_(number, ...) SA_SCOPED_AS(number, __VA_ARGS__)
#define SA_SCOPED_AS(number, ...)                                                                  \
  __attribute__((cleanup(sa_scoped_end), unused)) sa_scope *sa_scoped_##number =                   \
    sa_scoped_begin(__VA_ARGS__)

/* The scope, or NULL. */
static inline __attribute__((always_inline)) sa_scope *
sa_scoped_begin(const sa_scope_options *options)
{
  sa_scope_options own = {NULL, 0, NULL, 0};
  if (options)
    own = *options;
  own.flags |= SA_SCOPE_UNWIND;
  sa_scope *scope = sa_scope_create(&own);
  if (scope)
    (void)sa_scope_enter(scope); /* needs no memory on the thread that created it */
  return scope;
}

static inline void
sa_scoped_end(sa_scope **scope)
{
  sa_scope_destroy(*scope);
}
#endif

#ifdef __cplusplus
}
#endif

#endif /* STUBALLOC_H */
