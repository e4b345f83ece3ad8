/*
 * Scopes: memory that lives as long as a call and goes away at once.
 *
 * THE MODEL
 *
 * A scope takes memory from the engine in chunks of one unit (64 KiB). Bytes are counted in
 * granules of 16. At the start of a chunk stands what is known about it: a header, and a map with
 * a byte for each granule of its data. The byte of a block's first granule is the block's code,
 * which tells its size, with SA_FREE added once it was freed; all other bytes are 0. So a block
 * needs no header of its own, and a second free, a pointer inside a block, or one to no block are
 * all found, in every build. The map's bytes are read by any thread and written by the one that
 * allocates or frees the block, relaxed: whoever may touch a block at all has been told of it.
 *
 * Each thread inside a scope has an arena of it, and what is in the arena is this thread's alone:
 * the free run that blocks are cut from next, by moving a number up, and a list of free blocks for
 * each code. A freed block goes to the arena of the thread that frees it, whoever cut it. A thread
 * that is not inside pushes it to the scope's `returned`, from where an arena that has run out
 * takes all at once. When an arena runs out it looks there first, then makes its largest free
 * block the run to cut from, then joins free neighbours (see join.c), and only then carves more:
 * of its own chunk, in steps, or of another.
 *
 * The thread that creates a scope is its home thread. Its arena and the scope itself lie in the
 * scope's first chunk; the arena of any other thread lies in the first chunk that was taken for
 * it, and is used again by the next thread that enters when the first has left.
 *
 * Blocks over SA_BLOCK_MAX are large blocks of the engine, marked as lent. Each has a node in the
 * scope, so that the scope's end finds it.
 *
 * A thread's stack of scopes is a list of frames. `sa_thread.here` is the arena of the top one.
 *
 * LIFE
 *
 * `users` counts the handle, which destroy gives up, and every thread inside but the home thread.
 * The last user frees all that the scope holds. The home thread enters and leaves with plain
 * stores to `entries` of its arena. That it may still be inside matters to a destroy by another
 * thread alone. That one says SA_OVER, makes every thread pass a barrier, and looks at `entries`;
 * the home thread clears `entries`, and then looks for SA_OVER. At least one of the two sees the
 * other, and who turns SA_OVER into SA_ENDED gives up the handle. A home thread that destroys its
 * scope itself, and finds the handle to be the only user, needs no atomic read-modify-write: nobody
 * may enter any more.
 *
 * A scope with a budget is the `limiter` of those created inside it: all that they hold is charged
 * to it, too. Its header, in its first chunk, stays until the last of them is gone: `keepers` counts
 * them, and the users, together, once.
 *
 * A thread keeps the chunk of the scope that it destroyed last (`warm`), without another word, for
 * the next one. A few more stand on a shelf that all threads share. sa_trim empties the shelf and
 * the caller's; other threads give up theirs when they destroy the next scope.
 */
#ifndef SA_SCOPE_H
#define SA_SCOPE_H

#include "engine/engine.h"

#pragma GCC visibility push(hidden)

enum {
  SA_GRANULE = 16,
  SA_UNIT_GRANULES = SA_UNIT / SA_GRANULE,
  SA_DATA = 320, /* the granule of a chunk in which its data starts */
  SA_MAP = SA_UNIT_GRANULES - SA_DATA,
  SA_SMALL_CODES = 64,   /* codes 1 to 64: so many granules; then the engine's classes */
  SA_CODES = 112,        /* the highest: the class of a whole chunk */
  SA_BLOCK_MAX = 16384,  /* larger blocks are the engine's large ones */
  SA_FREE = 0x80,        /* added to the code of a free block */
  SA_JOINING = 0xff,     /* instead of the code of a free block: see join.c */
  SA_NAME = 32,
};

struct sa_chunk;

/* A thread's stack: the scopes it has entered, the last one on top. */
struct sa_frame {
  struct sa_arena *arena;
  struct sa_frame *below;
};

/* A thread's part of a scope; the thread's alone where nothing else is said. */
struct sa_arena {
  /* The run that blocks are cut from: granules of the chunk at `base`. All that the fast path
   * needs stands at fixed places from one pointer, so that the processor forwards what was stored
   * by the last allocation to the next one. */
  struct sa_scope *scope; /* set before anybody else sees the arena */
  uint64_t         small; /* bit n: there are free blocks of code n + 1; else their list is not set */
  size_t           next;
  size_t           end;
  char            *base;
  uint64_t         medium; /* bit n: of code n + 1 + SA_SMALL_CODES */
  struct sa_chunk *fresh;  /* the chunk whose last granules were never used yet; NULL: none */
  struct sa_node  *idle;   /* nodes for large blocks */
  size_t           carved; /* granules of all its chunks so far, and how many of them it has cut */
  size_t           cut;    /* into blocks since free neighbours were joined: see join.c */
  struct sa_frame  frame;  /* of the first entry; another one's is the engine's */
  /* How often its thread is inside. Written by that thread; of the home thread's arena, read by
   * another that destroys the scope: see above. */
  _Atomic size_t entries;
  /* The thread that it belongs to; 0: any that enters may have it. Taken by compare-and-swap with
   * acquire, given up with release. The home thread's is never given up. */
  _Atomic uint64_t user;
  struct sa_arena *others; /* the next one in `arenas`; set once, before it is published */
  void            *lists[SA_CODES]; /* of free blocks, by code - 1; linked in their first words */
};

/* A large block's place in its scope. */
struct sa_node {
  /* NULL: no block. Written by the thread that allocates the block, frees or keeps it, relaxed:
   * whoever ends the scope comes after all of them, by `users`. */
  _Atomic(struct sa_slab *) slab;
  struct sa_scope *scope;
  struct sa_node  *others; /* the next one in `nodes`; set once, before it is published */
  struct sa_node  *idle;   /* the next one without a block */
  size_t           charged; /* to the budget */
};

enum sa_scope_state {
  SA_NO_SCOPE, /* not a scope's first chunk, or a scope that is gone */
  SA_ALIVE,
  SA_OVER,  /* destroyed, while the home thread may be inside, which then gives up the handle */
  SA_ENDED, /* destroyed, and the handle given up; goes with the last user */
};

struct sa_scope {
  /* An enum sa_scope_state. Changed by compare-and-swap, but by the home thread's destroy, which
   * is the only one or misuse. Acquire where it is read by who acts upon it. */
  _Atomic unsigned state;
  unsigned         flags;
  uint64_t         home; /* the thread that created it; SA_NOBODY when it was left by a fork */
  /* See above. Down with release, and acquire by the one who reaches 0. */
  _Atomic size_t users;
  _Atomic size_t keepers;

  /* Set before anybody else knows the scope. */
  struct sa_scope *limiter; /* the nearest scope around it that has a budget */
  size_t           budget;  /* 0: none */
  const void      *creator; /* the code that called sa_scope_create */

  /* Any thread changes these, relaxed: they are numbers and nothing follows from them. */
  _Atomic size_t held; /* bytes that are charged */
  _Atomic size_t peak;
  _Atomic size_t over_budget;
  _Atomic size_t unwound;

  /* Lists that are pushed to by compare-and-swap with release. Nothing is taken off the first
   * three, which are read with acquire; the others are taken whole, by exchange with acquire. */
  _Atomic(struct sa_chunk *) chunks; /* all but the first */
  _Atomic(struct sa_arena *) arenas; /* all but the home thread's */
  _Atomic(struct sa_node *)  nodes;
  _Atomic(struct sa_node *)  idle;   /* nodes without a block */
  _Atomic(void *)            returned; /* blocks freed by threads that are not inside */

  _Atomic bool joining; /* a thread joins free neighbours; taken with acquire, given with release */
  char         name[SA_NAME];
};

struct sa_chunk {
  struct sa_scope *scope;  /* whose it is; set before a block of it is given out */
  struct sa_chunk *next;   /* in the scope's list or in one that only one thread knows */
  size_t           carved; /* granules from here on were never used; of the arena that took it */
  uint64_t         warm;   /* the thread that keeps it for its next scope; 0: none */
  struct sa_scope  first;  /* the scope whose first chunk this is, if it is one */
  struct sa_arena  arena;  /* the arena that the chunk was taken for, if it was its first */
  _Alignas(64) _Atomic uint8_t map[SA_MAP];
};

_Static_assert(sizeof(struct sa_chunk) <= SA_DATA * SA_GRANULE, "the data comes after it");

enum { SA_NOBODY = UINT64_MAX }; /* a thread that is no more */
