/*
 * The hardened mode: what of the engine is different with STUBALLOC=hardened=on, and in a build with
 * --enable-hardened. doc/hardened.md argues for each of the decisions.
 *
 * THE MODEL
 *
 * Nothing of the allocator's lies among the user's bytes: a free block holds no link. Beside each
 * region lies a table with an entry for each granule of 16 bytes, as far from the blocks as the
 * descriptors. A block has two granules at least. The entry of its first one says how many bytes were
 * asked for, by which thread; the next one's says who freed the block. So one look tells a block from a
 * pointer inside one, to none, or to one that is free, and where its end is. Where an alignment demands a
 * larger place than the bytes would, the third entry has them, and the first one none.
 *
 * A slab knows its free blocks by a bit for each. Whoever holds it takes blocks: `freed` says how many
 * of the bits that are set are the holder's, the anchor how many have come from elsewhere. A bit is set
 * before it is counted, so there are never fewer than both say together. The bits lie in the table, where
 * the entries of the guard page at the end of the slab's units would be; but as entries they are of no block.
 *
 * Each thread has a ring for each class, with blocks that it freed and some from a slab, in an order of
 * chance. It gives out the oldest, and never so many that less than `wait` others stay: they are held
 * back. A ring that is full gives its older half to the slabs. All that is the thread's alone, so a
 * block comes and goes without an atomic operation.
 *
 * Right behind the bytes that were asked for stands the canary, and another one in the last word of the
 * block's place. It is the word that goes with the unit, repeated at all multiples of 8, so that where
 * two overlap they agree. The free looks at both: at the one for what was written past the end, at the
 * other also for what was written before the next block. Then the block is filled with the poison, in
 * full if it is small, and else at both ends; when it is given out again it must still be so.
 *
 * Each run of units in use ends with a page that cannot be touched; nor can units that nobody uses. The run
 * of a freed large block is nobody's, but is held back (units.c), and its descriptor still tells of it.
 *
 * On the fast paths of the default mode no instruction is for this. A cache has no current slabs (they
 * are in its rings), no slab has an owner, and no first region is known to sa_free: so both paths fall
 * through to the mode's detours (alloc.c). In a build that is made for the mode, its own paths come first.
 */
#ifndef SA_ENGINE_HARDENED_H
#define SA_ENGINE_HARDENED_H

#include "engine/engine.h"

#pragma GCC visibility push(hidden)

enum {
  SA_CANARY = 8,
  SA_RING = 64,
  /* What an entry adds to a block's bytes: so it is more than 0, and the multiple of 16 in it tells the
   * granules of the block with its canary. */
  SA_BEHIND = SA_CANARY + 15,
  SA_HARDENED_MIN = 2 * 16, /* the smallest place */
};

/* An entry: the bytes that were asked for and SA_BEHIND, or 0 where no block is out; and a thread. */
#define SA_ENTRY_SIZE 0xffffu
#define SA_ENTRY_THREAD_SHIFT 16
/* In the third entry of a block that has a larger place than its bytes need: those. */
#define SA_FITTED_SHIFT 16
/* The largest block that lies in a slab. */
#define SA_HARDENED_MAX ((size_t)(SA_ENTRY_SIZE - SA_BEHIND))

/* A block's place: its bytes, and how many of them, from the start on, get poison but for the last ones. */
struct sa_places {
  uint32_t size;
  uint32_t front;
};

/* The ring of a class. `head` and `tail` count on; their lower bits are places. */
struct sa_ring {
  _Alignas(64) uint32_t head; /* of the oldest block */
  uint32_t         tail;      /* where the next one will be */
  uint32_t         wait;      /* so many stay, */
  uint32_t         most;      /* and so many may */
  struct sa_places places;
  void            *blocks[SA_RING];
};

/* What a thread has in the hardened mode, behind its cache. */
struct sa_rings {
  uint32_t        thread; /* its number, where an entry has it */
  uint64_t        random;
  struct sa_slab *current[SA_CLASSES]; /* instead of the cache's; NULL: none */
  struct sa_ring
    ring[SA_CLASSES + 1]; /* the last one never has a block: for what fits in no class */
};

/* This thread's; as sa_self, never NULL: sa_no_rings has no blocks, nor room for one. */
extern struct sa_rings                  sa_no_rings;
extern SA_EACH_THREADS struct sa_rings *sa_own_rings;
#define sa_my_rings SA_THIS_THREADS(sa_own_rings)

/* Blocks that are out, and the bytes of them that may be used. */
struct sa_live {
  size_t blocks;
  size_t bytes;
};

/* --- hardened.c: blocks ------------------------------------------------------------------------ */

/* Draws the secrets, and gets ready for the first thread. */
void sa_hardened_begin(void);
/* The first region is there. */
void sa_hardened_home(const struct sa_region *region);

/* sa_malloc and sa_free. */
void *sa_hardened_alloc(size_t size);
void  sa_hardened_free(void *block);
/* Frees a block in a slab, where one starts; that it is out is still to be found. */
void sa_hardened_free_in(struct sa_slab *slab, void *block);
/* The bytes that were asked for; false, with errno EINVAL: it is no block, and that was said. */
bool sa_hardened_measure(const char *what, const struct sa_slab *slab, const void *block,
                         size_t *size);
/* Changes how many were asked for; false: its place is not the right one, or it was damaged. */
bool sa_hardened_resize(const struct sa_slab *slab, void *block, size_t size);
/* Says of a new block that fewer bytes were asked for than for one of such a place. */
void sa_hardened_fit(void *block, size_t size);

/* The calling thread's number; 0: it has none, and there is no memory to give it one. */
uint32_t sa_hardened_thread(void);

/* What is wrong with a pointer into a slab or a large block, and what is known of the block there. */
struct sa_said {
  char text[160];
};
struct sa_said sa_block_describe(const char *what, const struct sa_slab *slab, const void *at,
                                 const char *reason);
/* As sa_misuse with that; in the default mode, with the reason alone. */
void sa_block_misuse(const char *what, const struct sa_slab *slab, const void *at,
                     const char *reason);
/* The same with the reason that follows from where it points to, if that is no block that is out. */
void sa_pointer_misuse(const char *what, const struct sa_slab *slab, const void *at);

/* --- hardened.c: a cache's rings --------------------------------------------------------------- */

void             sa_rings_set_up(struct sa_rings *rings);
struct sa_rings *sa_rings_of(struct sa_cache *cache);
/* Bytes that a cache with its rings takes. */
size_t sa_rings_length(void);
/* Gives the rings' next user, the calling thread, a number. */
void sa_rings_begin(struct sa_rings *rings);
/* Gives all blocks to their slabs, and those up. */
void sa_rings_empty(struct sa_rings *rings);

/* --- hardened.c: slabs, large blocks, and what others give out ---------------------------------- */

/* The bytes at the end of a run that are its guard; 0 in the default mode. */
size_t sa_guard_length(void);
/* Guards the bytes of a run of units from here to its end. */
void sa_guard_set(struct sa_slab *first, char *from, size_t units);
/* The run is given up: it cannot be touched any more. */
void sa_guard_close(struct sa_slab *first, size_t units);
/* The entries of a slab or a chunk that is given up mean nothing any more. */
void sa_hardened_forget(struct sa_slab *first, size_t units);
/* For statistics: where the entries of a unit are, and what is out by a copy of a slab's. */
const void    *sa_hardened_entries(const void *start);
struct sa_live sa_hardened_live(const void *entries, unsigned cls);
/* A large block: its canary and its guard; and whether the canary is as it was. */
void sa_hardened_large(struct sa_slab *slab);
bool sa_hardened_large_is_intact(const struct sa_slab *slab);

/* For a room above, of a block in what it was lent: that it is out, with so many bytes and the canary
 * behind them; how many those are. Else the entry is the room's, as long as it is SA_LENT_FREE or 0. */
#define SA_LENT_FREE 0xffff0000u
void   sa_lent_mark(void *block, size_t size);
size_t sa_lent_size(const void *block);
/* Gives the entry another value, unless the canary is not as it was. */
enum sa_lent_state { SA_LENT_UNMARKED, SA_LENT_INTACT, SA_LENT_DAMAGED };
enum sa_lent_state sa_lent_unmark(void *block, uint32_t to);
uint32_t           sa_lent_get(const void *block);
void               sa_lent_set(const void *block, uint32_t to);
/* Poisons bytes, in whole granules, and finds the first word that was changed since; or NULL. */
void        sa_poison_fill(void *from, size_t length);
const void *sa_poison_changed(const void *from, size_t length);
/* A word for a place, for what is to be encoded there. */
uint64_t sa_secret_for(const void *at);

#pragma GCC visibility pop

#endif
