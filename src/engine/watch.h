/*
 * Tools that watch what a program does with memory: valgrind's memcheck, and AddressSanitizer.
 *
 * AddressSanitizer comes with the build. What is free is poisoned then, from the moment its unit is
 * taken, and unpoisoned as long as it is out. Functions that work in free memory are not checked.
 *
 * Memcheck comes with the run. sa_home_size stays 0 there, a thread's cache is put in its place only
 * while the library works (`paused`: it is not to be told of what we do in free memory), and scopes
 * have nothing quick. So every call falls through the fast paths, in which no instruction is for this,
 * to where memcheck is told of it.
 */
#ifndef SA_ENGINE_WATCH_H
#define SA_ENGINE_WATCH_H

#include "engine/engine.h"

#ifdef HAVE_VALGRIND_MEMCHECK_H
#include <valgrind/memcheck.h>
#endif

#ifdef __SANITIZE_ADDRESS__ /* by GCC */
#define SA_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SA_ASAN
#endif
#endif

#ifdef SA_ASAN
#include <sanitizer/asan_interface.h>
#endif

#pragma GCC visibility push(hidden)

/* --- AddressSanitizer ------------------------------------------------------------------------- */

#ifdef SA_ASAN

/* Of a function that works in free memory. */
#define SA_IN_FREE_MEMORY SA_ATTRIBUTE(no_sanitize_address)

static inline void
sa_poison(const void *at, size_t length)
{
  __asan_poison_memory_region(at, length);
}

static inline void
sa_unpoison(const void *at, size_t length)
{
  __asan_unpoison_memory_region(at, length);
}

#else

#define SA_IN_FREE_MEMORY

static inline void
sa_poison(const void *at, size_t length)
{
  (void)at, (void)length;
}

static inline void
sa_unpoison(const void *at, size_t length)
{
  (void)at, (void)length;
}

#endif

/* --- memcheck --------------------------------------------------------------------------------- */

#ifdef HAVE_VALGRIND_MEMCHECK_H

/* Left free behind each block, so that what overruns it meets no other one. */
enum { SA_WATCH_ZONE = 16 };

/* Whether memcheck is there; and this thread is not paused. */
bool sa_watch_is_there(void);
bool sa_watch_is_on(void);

static inline bool
sa_watched(void)
{
  return SA_UNLIKELY(sa_home_size == 0) && sa_watch_is_on();
}

/* The library works in between, where nothing is watched; they nest. */
void sa_watch_pause_now(void);
void sa_watch_resume_now(void);

static inline void
sa_watch_pause(void)
{
  if (SA_UNLIKELY(sa_home_size == 0))
    sa_watch_pause_now();
}

static inline void
sa_watch_resume(void)
{
  if (SA_UNLIKELY(sa_home_size == 0))
    sa_watch_resume_now();
}

/* A block is out, of so many bytes; it is not any more. */
void sa_watch_out(const void *block, size_t size);
void sa_watch_back(const void *block);
/* The bytes that were asked for, of a block that has `room`. */
size_t sa_watch_size_now(const void *block, size_t room);

static inline size_t
sa_watch_size(const void *block, size_t room)
{
  return sa_watched() ? sa_watch_size_now(block, room) : room;
}

/* As the functions without `watched`. */
void *sa_watched_malloc(size_t size);
void *sa_watched_aligned_alloc(size_t alignment, size_t size);
void  sa_watched_free(void *block);

#else

enum { SA_WATCH_ZONE = 0 };

static inline bool
sa_watch_is_there(void)
{
  return false;
}

static inline bool
sa_watched(void)
{
  return false;
}

static inline void
sa_watch_pause(void)
{
}

static inline void
sa_watch_resume(void)
{
}

static inline void
sa_watch_out(const void *block, size_t size)
{
  (void)block, (void)size;
}

static inline void
sa_watch_back(const void *block)
{
  (void)block;
}

static inline size_t
sa_watch_size(const void *block, size_t room)
{
  (void)block;
  return room;
}

static inline void *
sa_watched_malloc(size_t size)
{
  return sa_malloc(size);
}

static inline void *
sa_watched_aligned_alloc(size_t alignment, size_t size)
{
  return sa_aligned_alloc(alignment, size);
}

static inline void
sa_watched_free(void *block)
{
  sa_free(block);
}

#endif

/* Whether either is there: it finds what the hardened mode would, and forbids to look at what is free. */
static inline bool
sa_watch_finds_it(void)
{
#ifdef SA_ASAN
  return true;
#else
  return sa_watch_is_there();
#endif
}

/* --- both, off the fast paths ----------------------------------------------------------------- */

/* Memory that is free, and memory in it that the library itself uses. */
static inline void
sa_watch_close(const void *at, size_t length)
{
  sa_poison(at, length);
#ifdef HAVE_VALGRIND_MEMCHECK_H
  VALGRIND_MAKE_MEM_NOACCESS(at, length);
#endif
}

static inline void
sa_watch_open(const void *at, size_t length)
{
  sa_unpoison(at, length);
#ifdef HAVE_VALGRIND_MEMCHECK_H
  VALGRIND_MAKE_MEM_DEFINED(at, length);
#endif
}

/* Units were taken. Memcheck looks for pointers to blocks in all that may be read: what a descriptor
 * says of its first block must not count. */
static inline void
sa_watch_units(const struct sa_slab *slab, const void *at, size_t length)
{
  sa_watch_close(at, length);
#ifdef HAVE_VALGRIND_MEMCHECK_H
  VALGRIND_MAKE_MEM_NOACCESS(&slab->start, sizeof slab->start);
#else
  (void)slab;
#endif
}

#pragma GCC visibility pop

#endif
