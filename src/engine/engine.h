/*
 * The engine: a general allocator in which the common path belongs to one thread.
 *
 * THE MODEL
 *
 * Memory is reserved in a region, which is divided into chunks of 4 MiB, each of 64 units of
 * 64 KiB. A chunk has words of 64 bits, a bit for each unit: `used` says which are taken, `dirty`
 * which may hold pages, `committed` which may be touched. Whoever sets a bit of `used` owns the
 * unit and all that is said about it elsewhere, until it clears the bit.
 *
 * One to four units make a slab, carved into blocks of one size class. More units in one chunk, or
 * whole chunks in a row, make a large block. What is known about a unit stands in its descriptor,
 * which lies apart from the user's memory and is found from an address by a shift: so a pointer
 * that is not ours is seen by one compare, and no overflow of a block reaches a descriptor.
 *
 * Each thread has a cache. For each class it holds one current slab, from whose list of free
 * blocks it allocates, and to which it frees, with plain loads and stores. A block that is freed
 * into a slab that another thread holds goes to the list in the slab's anchor, by one
 * compare-and-swap; the holder takes that whole list when its own is empty.
 *
 * A slab that its holder has filled is held by nobody. The first thread to free into it adopts it
 * and collects further free blocks in private. A cache adopts a bounded number of slabs; it gives
 * up the oldest to adopt another, and all of them when the thread exits. Frees into a slab that
 * nobody holds go to its anchor, which counts them: once a fair part of its blocks is free the
 * slab is listed, and any thread that needs its class may claim it; once all of them are, the
 * thread that freed the last gives the units back. So no thread, idle or gone, keeps more from the
 * others than its current slabs, a few adopted ones, and a few blocks of each class on their way.
 *
 * Units given back stay dirty, for quick use, within a reserve that is small beside the peak of
 * the process; beyond it their pages return to the system there and then.
 *
 * A field that two threads may touch says so below, with who writes it and in which order. All
 * else belongs to the thread that holds the slab, or to nobody after it was set up. There is no
 * lock in the engine.
 */
#ifndef SA_ENGINE_H
#define SA_ENGINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/classes.h"
#include "os/thread.h"
#include "stuballoc.h"

#pragma GCC visibility push(hidden)

/* The printf whose formats sa_say takes: C11's, for which GCC for Windows has another name. */
#if defined(_WIN32) && !defined(__clang__)
#define SA_PRINTF gnu_printf
#else
#define SA_PRINTF printf
#endif

/* A function that begins where a line of the processor's cache does. Elsewhere, as it happened to lie, a
 * pair was measured to take half as long again, so that is not left to chance. */
#define SA_FAST_PATH SA_ATTRIBUTE(aligned(64))

#define SA_LIKELY(x) __builtin_expect(!!(x), 1)
#define SA_UNLIKELY(x) __builtin_expect(!!(x), 0)

enum {
  SA_UNIT_SHIFT = 16,
  SA_UNIT = 1 << SA_UNIT_SHIFT,
  SA_CHUNK_UNITS = 64,
  SA_CHUNK = SA_UNIT * SA_CHUNK_UNITS,
  SA_UNIT_ENTRIES = SA_UNIT / 16, /* of the hardened mode's table */
  SA_ADOPTED = 8,                 /* slabs a cache may hold beside its current ones */
};

struct sa_cache;
struct sa_trace;

/* The descriptor of a unit. In a slab of several units the first one's holds all; in the others
 * only `lead` is set, so that a free finds the first from any block. */
struct sa_slab {
  /* The holder's alone, handed from holder to holder by the anchor. A line of its own, so that
   * frees from other threads do not take it away from the holder. */
  void    *free;  /* the list of free blocks; a block's first word is the link to the next */
  void    *last;  /* the end of that list and its length, of an adopted slab; a current one's are */
  uint32_t freed; /* not kept up to date, which would take the fast path's time; see hardened.h */
  uint32_t carved;      /* so many blocks were given out at least once; the others are untouched */
  uint32_t first;       /* the number of the block that is carved first; block 0 follows the last */
  bool     large_pages; /* a large block in explicit large pages */
  bool     guarded;     /* in the hardened mode: its run ends with a guard */
  uint32_t thread;      /* there, of a large block: who allocated it, */
  size_t   asked;       /* the bytes that were asked for, */
  uint32_t freer;       /* and who freed it */
  char     pad[12];

  /* The thread in whose cache this slab is current, as sa_os_thread() names it. The holder writes
   * it, any freeing thread reads it, relaxed: it asks only "is it mine?", and only I could have
   * made it mine or not mine. */
  _Atomic(void *) owner;
  /* Who holds the slab and which blocks were freed to nobody's list: see below. */
  _Atomic uint64_t anchor;
  /* The cache that adopted this slab; else as `owner`. */
  _Atomic(struct sa_cache *) adopter;

  /* Set up by the thread that takes the units, published by the anchor. */
  char    *start;
  uint32_t size;     /* of a block */
  uint32_t capacity; /* blocks */
  uint32_t lead;     /* units from the first one's descriptor to this */
  uint32_t units;
  size_t   length;  /* of a large block: the bytes that may be used */
  uint64_t inverse; /* of size, as a multiple of 2^-40: a multiplication instead of a division */
};

_Static_assert(sizeof(struct sa_slab) == 128, "two cache lines a unit");

/*
 * The anchor of a slab, in one word, so that a compare-and-swap sees all of it change at once:
 *
 *   bits  0..15  where the list of free blocks starts, in steps of 8 bytes; SA_NOWHERE: empty
 *   bits 16..31  how many blocks are free: on that list and, in a slab that nobody holds, uncarved
 *   bit  32      held: one thread has the slab as current, adopted, or to give it back
 *   bit  33      listed: nobody holds it and it may be claimed; `listed` of the region tells where
 *   bits 40..47  what the unit is: 0 nothing, a class + 1, SA_LARGE, a large block that was freed and
 *                is held back, or lent to a room above
 *
 * Any thread writes it, always by compare-and-swap, with release so that the links it wrote into
 * the blocks, or the fields it set while it held the slab, are seen by the one who takes the list
 * with acquire. Only a take removes blocks, and it takes all, so it does not matter if the word
 * has been the same, another, and the same again in between.
 */
#define SA_NOWHERE 0xffffu
#define SA_COUNT_ONE (UINT64_C(1) << 16)
#define SA_HELD (UINT64_C(1) << 32)
#define SA_LISTED (UINT64_C(1) << 33)
#define SA_WHAT_SHIFT 40
enum {
  SA_NOTHING = 0,
  SA_LENT = 0xfc,
  /* those that are one block, from here on */
  SA_LARGE_FREED = 0xfd,
  SA_LENT_LARGE = 0xfe,
  SA_LARGE = 0xff,
};

static inline unsigned
sa_anchor_what(uint64_t anchor)
{
  return (unsigned)(anchor >> SA_WHAT_SHIFT) & 0xff;
}

static inline uint32_t
sa_anchor_count(uint64_t anchor)
{
  return (uint32_t)(anchor >> 16) & 0xffff;
}

/* A range of address space that the engine carves up. Regions are only added, never removed. */
struct sa_region {
  uintptr_t       base; /* a multiple of SA_CHUNK */
  size_t          size; /* likewise */
  size_t          chunks;
  struct sa_slab *slabs; /* a descriptor for each unit; readable as zeros before it is used */
  /* Words, one a chunk. `used`: set by compare-and-swap with acquire, cleared with release, so
   * what the last owner did to the unit happens before the next one's use. The other two are
   * changed by a unit's owner, atomically because their neighbours have other owners. */
  _Atomic uint64_t *used;
  _Atomic uint64_t *dirty;
  _Atomic uint64_t *committed;
  /* For each class a bit for each unit: a slab starts there that may be claimed. A hint, set after
   * the slab was listed and cleared by the one who claimed it; the anchor decides. Relaxed. */
  _Atomic uint64_t *listed[SA_CLASSES];
  _Atomic uint32_t *entries; /* in the hardened mode, one for each 16 bytes: see hardened.h */
#ifdef SA_DEBUG
  _Atomic uint64_t *out; /* a bit for each 8 bytes: a block that is out starts there; see check.c */
#endif
  /* Chunks from here on were never used. Only grows, by compare-and-swap, relaxed: it bounds
   * searches, and a search that misses a new chunk just takes another. */
  _Atomic size_t chunks_seen;
};

/* Free blocks of one slab, linked, on their way to its anchor; in the hardened mode not linked. */
struct sa_parcel {
  struct sa_slab *slab; /* NULL: there are none */
  void           *first;
  void           *last;
  uint32_t        count;
};

/* A thread's cache. All but `in_use` and `busy` is its thread's alone, except after a fork, when the child's
 * one thread tidies up after the others. */
struct sa_cache {
  struct sa_class_table classes; /* here, so that one register serves this and the next */
  struct sa_slab       *current[SA_CLASSES]; /* sa_no_slab: none yet */
  struct sa_slab       *adopted[SA_ADOPTED];
  struct sa_parcel      parcels[SA_CLASSES];
  unsigned              adopt_next; /* the oldest of them, when all places are taken */
  unsigned              trims_seen;
  /* In a step off the fast path: a fork now leaves the cache undefined. Written by its thread,
   * relaxed; see step_begins. */
  _Atomic bool     busy;
  struct sa_cache *next;   /* in the list of all caches; set once, before it is published */
  _Atomic bool     in_use; /* taken with acquire, given up with release */
};

/* --- The fast path's data --------------------------------------------------------------------- */

/* The first region once more, so that a free finds a descriptor without following a pointer.
 * Written once, when the library is loaded or, if that is earlier, by the first to allocate; no
 * thread has a block to free before that. */
extern uintptr_t       sa_home_base;
extern size_t          sa_home_size; /* 0 before, and in the hardened mode */
extern struct sa_slab *sa_home_slabs;

/* Never has a free block; so the fast path need not ask whether there is a slab. */
extern struct sa_slab sa_no_slab;
/* This thread's cache; before its first allocation and after its exit sa_no_cache, which has no
 * slabs and owns none: so the fast path need not ask whether there is a cache. */
extern struct sa_cache                  sa_no_cache;
extern SA_EACH_THREADS struct sa_cache *sa_own_cache;
#define sa_self SA_THIS_THREADS(sa_own_cache)

/* Whether this is the hardened mode: see hardened.h. Written once, when the options are read. */
extern bool sa_hardened;

/* --- region.c: address space ------------------------------------------------------------------ */

/* The region of an address, NULL when it is none of ours. */
struct sa_region *sa_region_of(const void *address);
/* The region of a descriptor. */
struct sa_region *sa_region_of_slab(const struct sa_slab *slab);
/* The regions, newest last; NULL after the last. */
struct sa_region *sa_region_at(unsigned index);
/* Adds a region that holds at least `length` bytes; false: no memory. */
bool sa_region_add(size_t length);

/* The bytes of its own that are mapped from the start: the structure and its words. */
size_t sa_region_words_length(const struct sa_region *region);

static inline size_t
sa_region_unit(const struct sa_region *region, const void *address)
{
  return ((uintptr_t)address - region->base) >> SA_UNIT_SHIFT;
}

/* The descriptor of the unit that an address lies in, of the first unit if there are several;
 * NULL when it is not the engine's. */
struct sa_slab *sa_slab_of(const void *address);

/* --- units.c: taking and giving back units ---------------------------------------------------- */

/* Takes units in a row, ready to be touched, at a multiple of `alignment` bytes (at least a unit).
 * Returns the first one's descriptor, NULL when there is no memory. `zeroed` tells whether all of
 * it reads as zeros; it may be NULL. */
struct sa_slab *sa_units_take(size_t units, size_t alignment, bool *zeroed);
/* Takes the units after the `units` that start at `first`, so that there are `wanted`. */
bool sa_units_extend(struct sa_slab *first, size_t units, size_t wanted);
/* Gives units back; their descriptors say SA_NOTHING already. */
void sa_units_give(struct sa_slab *first, size_t units);
/* The same for a large block in the hardened mode, the run of SA_LARGE_FREED: its pages go back to the
 * system at once, and nobody can touch it, nor gets its units, until so many others have followed or
 * address space is short. */
void sa_units_hold(struct sa_slab *first);
/* The same for a run whose first `large` bytes are explicit large pages. */
void  sa_units_give_large(struct sa_slab *first, size_t units, size_t large);
char *sa_units_address(const struct sa_slab *first);
/* Returns the pages of all units that nobody uses to the system, and holds none back any more. */
void sa_units_trim(void);
/* The bytes that were ever returned to the system. */
size_t sa_units_returned(void);
/* The most bytes in units that were ever used at once. */
size_t sa_units_peak(void);
/* Empties pages inside a taken run; it can be touched afterwards, and reads as zeros. */
void sa_units_empty(void *at, size_t length);

/* --- slab.c: the slabs' protocol -------------------------------------------------------------- */

/* The units that a slab of the class takes, and its blocks. */
size_t   sa_slab_units(unsigned cls);
uint32_t sa_slab_capacity(unsigned cls);
/* Ways to hold a slab. */
struct sa_slab *sa_slab_new(unsigned cls);
struct sa_slab *sa_slab_claim(unsigned cls);         /* free blocks in slab->free; or NULL */
bool            sa_slab_adopt(struct sa_slab *slab); /* a filled one that nobody holds */
/* Lists of free blocks of a slab that we hold: never used before, freed by other threads. */
void *sa_slab_carve(struct sa_slab *slab);
void *sa_slab_collect(struct sa_slab *slab);
/* Ways to hold it no longer: filled (false: blocks have come back), with its list in `free`, `last`
 * and `freed`, with no block out. */
bool sa_slab_leave_full(struct sa_slab *slab);
void sa_slab_give_up(struct sa_slab *slab);
void sa_slab_destroy(struct sa_slab *slab);
/* Frees blocks into a slab that the caller does not hold. */
void sa_slab_put(const struct sa_parcel *parcel);

/* What a unit is, which stays so as long as a block of it is out. */
static inline unsigned
sa_slab_what(const struct sa_slab *slab)
{
  return sa_anchor_what(atomic_load_explicit(&slab->anchor, memory_order_relaxed));
}

/* Whether it is the first of a large block, whoever has that. */
static inline bool
sa_is_one_block(const struct sa_slab *slab)
{
  return sa_slab_what(slab) >= SA_LARGE_FREED;
}

static inline bool
sa_is_lent(const struct sa_slab *slab)
{
  unsigned what = sa_slab_what(slab);
  return what == SA_LENT || what == SA_LENT_LARGE;
}

static inline unsigned
sa_slab_class(const struct sa_slab *slab)
{
  return sa_slab_what(slab) - 1;
}

/* --- cache.c: threads ------------------------------------------------------------------------- */

/* Reads the options and gets a region, unless that was done. */
void sa_begin(void);
/* This thread's cache, made if there is none; NULL when there is no memory. A thread that has
 * already exited gets one only until sa_cache_done. */
struct sa_cache *sa_cache_begin(void);
void             sa_cache_done(struct sa_cache *cache);
/* A block of the class when the cache's list is empty. */
void *sa_cache_refill(struct sa_cache *cache, unsigned cls);
/* Frees a block that is of none of the current slabs of this thread. */
void sa_cache_free(struct sa_slab *slab, void *block);
/* Around a step off the fast path, which a fork must not see half done. */
void sa_cache_step_begins(struct sa_cache *cache);
void sa_cache_step_ends(struct sa_cache *cache);
/* Gives up all that the cache holds, if sa_trim was called since the last time. */
void sa_cache_follow_trim(struct sa_cache *cache);
/* The list of all caches, in use or not. */
struct sa_cache *sa_caches_first(void);
/* The bytes that a cache takes. */
size_t sa_cache_length(void);

/* --- large.c: blocks of units of their own ---------------------------------------------------- */

void *sa_large_alloc(size_t size, size_t alignment, bool zero);
void  sa_large_free(struct sa_slab *slab, void *block);
void *sa_large_resize(struct sa_slab *slab, void *block, size_t size); /* NULL: must be copied */
/* The bytes of one that its user may use. */
static inline size_t
sa_large_size(const struct sa_slab *slab)
{
  return sa_hardened ? slab->asked : slab->length;
}
/* The bytes that ever got explicit large pages, or were refused them. */
size_t sa_large_pages_got(void);
size_t sa_large_pages_refused(void);

/* --- check.c: every pointer and call, where the build asks for it ----------------------------- */

enum sa_room { SA_IN_ENGINE, SA_IN_SCOPE, SA_ROOMS };

#ifdef SA_DEBUG
void *sa_block_out(void *block); /* returns it */
/* False, after it was said: it is none that is out. */
bool sa_block_back(const void *block);
bool sa_block_check(const char *what, const void *block);

/* From here to the end of the function, the thread is in the middle of a call that must not come upon
 * another one in the same room, as a signal handler would make it: then that is said, and the program
 * aborts. */
#define SA_ALONE(room, call)                                                                       \
  __attribute__((cleanup(sa_alone_ends), unused)) const char **alone_ =                            \
    sa_alone_begins((room), (call))
const char **sa_alone_begins(enum sa_room room, const char *call);
void         sa_alone_ends(const char ***place);
/* Around what may allocate by itself. */
const char *sa_alone_pauses(void);
void        sa_alone_goes_on(const char *call);
#else
#define SA_ALONE(room, call) ((void)0)

static inline const char *
sa_alone_pauses(void)
{
  return NULL;
}

static inline void
sa_alone_goes_on(const char *call)
{
  (void)call;
}

static inline void *
sa_block_out(void *block)
{
  return block;
}

static inline bool
sa_block_back(const void *block)
{
  (void)block;
  return true;
}

static inline bool
sa_block_check(const char *what, const void *block)
{
  (void)what;
  (void)block;
  return true;
}
#endif

/* --- hooks: what a room above has lent, and when it wants to be told -------------------------- */

/* What is in a lent unit. */
struct sa_lent_count {
  size_t blocks; /* out */
  size_t bytes;  /* of those */
  size_t own;    /* bytes that can never be a block's */
};

/* A room above may take units (SA_LENT) and large blocks (SA_LENT_LARGE) and give out blocks of its
 * own in them; it marks them so in the anchor. What comes to the engine about such a block is
 * handed on, with the checks still to be made. */
struct sa_hooks {
  void (*free)(void *block);
  void (*free_traced)(struct sa_trace *trace, void *block); /* the same, and tells the trace */
  void (*free_large)(struct sa_slab *slab, void *block);
  /* Where it is, or by moving its pages; NULL: it must be copied, into one from `alloc_beside`. */
  void *(*resize)(struct sa_slab *slab, void *block, size_t size);
  void *(*alloc_beside)(const struct sa_slab *slab, const void *block, size_t size);
  size_t (*size)(const struct sa_slab *slab, const void *block);
  /* As sa_block_misuse; in the hardened mode. */
  void (*misuse)(const char *what, const struct sa_slab *slab, const void *block,
                 const char *reason);
  void (*thread_exits)(void); /* before the engine's cache goes */
  void (*forked)(void);       /* in the child, after the engine */
  void (*trim)(void);
  /* What stands in a region for a block elsewhere, to be handed on in its place; NULL: no block. */
  void *(*stand_in)(const void *block);
  /* Counts what is in a copy of the unit at `start`, which its owner may have been changing. */
  struct sa_lent_count (*count)(const void *copy, const void *start);
};

/* NULL: there is nobody. Stored with release before anything is lent, always the same; read with
 * acquire. */
extern _Atomic(const struct sa_hooks *) sa_hooks;

static inline const struct sa_hooks *
sa_hooks_get(void)
{
  return atomic_load_explicit(&sa_hooks, memory_order_acquire);
}

/* --- alloc.c: behind the fast paths ------------------------------------------------------------ */

/* Chooses what is, once the options are read. */
void sa_detours_begin(void);
/* Allocates up to SA_CLASS_MAX bytes, where the current slab has none, or is not known. */
void *sa_alloc_from_slab(size_t size);
/* Frees any block, where there is no quicker way. */
void sa_free_any(void *block);

/* Where it is known what a block is: at its address, or at what stands for it; NULL: nowhere. */
void *sa_stand_in(const void *block);

/* --- the rest --------------------------------------------------------------------------------- */

/* Says what is wrong with a pointer, on one line, and aborts; with STUBALLOC=on_misuse=report it
 * counts that and returns, and the caller does nothing with the pointer. */
void sa_misuse(const char *what, const void *block, const char *reason);
/* The same where there is no going on. */
_Noreturn void sa_misuse_fatal(const char *what, const void *block, const char *reason);
/* How often sa_misuse returned. */
size_t sa_misuses(void);

enum { SA_TRACE_PATH = 1024 };

struct sa_options {
  bool large_pages;
  bool report_leaks;
  bool report_exit;
  int  report_signal; /* 0: none */
  bool publish;
  bool hardened;
  bool go_on;                /* after misuse, where that is safe */
  char trace[SA_TRACE_PATH]; /* a file's name; "": none */
};
extern struct sa_options sa_options;
void                     sa_options_read(const char *text);
/* Says one line that starts with "stuballoc: ". */
void sa_say(const char *format, ...) SA_ATTRIBUTE(format(SA_PRINTF, 1, 2));

/* Get ready for what is to be reported and published; when the library is loaded. */
void sa_report_begin(void);
void sa_publish_begin(void);

/* NULL with errno ENOMEM. */
void *sa_no_memory(void);

#pragma GCC visibility pop

#endif
