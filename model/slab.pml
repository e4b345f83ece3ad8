/*
 * A slab's protocol, for the models of the threads that use it: src/engine/slab.c, step by step.
 *
 * There is one slab, since nothing is ever said about two at once. A step here is one access to what
 * threads share, with whatever its thread does by itself until the next. The anchor is changed with
 * release and read, where something follows from it, with acquire; so what is written before the
 * change is seen after it, and steps that simply follow each other stand for both.
 *
 * What is said after a bar is a line of the function that is named before it; `make model` looks
 * whether it is still there.
 */

/* A model says how many BLOCKS a slab has, at most 3, and how many free ones are a FAIR part. */
#define NOWHERE 3 /* instead of a block */
#define WRITTEN 7 /* instead of a link, once the block's user has written to it */

/* The anchor's word. */
#define HEAD(anchor)  (anchor & 3)
#define COUNT(anchor) ((anchor >> 2) & 7)
#define HELD   32
#define LISTED 64
#define CLASS  128 /* the unit is a slab */
/* src/engine/slab.c, anchor_with
   | uint64_t nowhere_near = (SA_HELD - 1) | SA_LISTED;
   | return (anchor & ~nowhere_near) | head | count * SA_COUNT_ONE; */
#define WITH(anchor, list, count) ((anchor & (HELD | CLASS)) | (list) | (count) << 2)

byte  anchor;      /* the unit is nothing yet */
bool  taken;       /* its bit of `used` */
byte  owner;       /* the thread in whose cache the slab is current; threads are numbered from 1 */
byte  adopter;
byte  links[3] = WRITTEN;  /* the blocks' first words */
byte  list = NOWHERE;          /* slab->free, and what else is the holder's alone */
byte  last;
byte  freed;
byte  carved;
bool  hint;        /* the bit of `listed` */
short hints;       /* listed_count */

/* What no thread knows, but the model does. */
byte  holder;      /* who may touch what is the holder's */
bool  out[3]; /* blocks that a user has */

#define ME (_pid + 1)
#define IS_MINE assert(holder == ME)

#define LOCALS                                                                                     \
  byte old;       /* the anchor as it was read last */                                             \
  bool done;      /* what a step returns */                                                        \
  byte block;                                                                                      \
  byte first;     /* a list of blocks to be put, */                                                \
  byte end;       /* its last one, */                                                              \
  byte count;     /* and how many these are */                                                     \
  byte blocks;    /* a list, and how many are free, for settle */                                  \
  byte free

/* src/engine/slab.c, anchor_change
   | return atomic_compare_exchange_weak_explicit(&slab->anchor, old, new, memory_order_acq_rel,
   Who sets SA_HELD is the holder from then on, and nobody but the holder may clear it. */
inline anchor_change(new)
{
  atomic {
    if
    :: anchor == old ->
       if
       :: (old & HELD) && !((new) & HELD) -> IS_MINE; holder = 0
       :: !(old & HELD) && ((new) & HELD) -> assert(holder == 0); holder = ME
       :: else
       fi;
       anchor = new; done = true
    :: else ->
       old = anchor; done = false
    fi
  }
}

/* src/engine/slab.c, list
   | atomic_fetch_or_explicit(word, bit, memory_order_relaxed);
   | atomic_fetch_add_explicit(&listed_count[cls], 1, memory_order_relaxed); */
inline set_hint()   { hint = true; hints++ }

/* src/engine/slab.c, unlist
   | atomic_fetch_and_explicit(word, ~bit, memory_order_relaxed);
   | atomic_fetch_sub_explicit(&listed_count[cls], 1, memory_order_relaxed); */
inline clear_hint() { hint = false; hints-- }

/* src/engine/slab.c, sa_slab_new
   | struct sa_slab *slab = sa_units_take(units, SA_UNIT, NULL);
   | slab->carved = 0;
   | slab->free = NULL;
   | atomic_store_explicit(&slab->anchor, anchor, memory_order_release);
   `done`: the unit was there to be taken. */
inline slab_new()
{
  atomic { done = !taken; taken = true };
  if
  :: done -> d_step { carved = 0; list = NOWHERE };
             d_step { anchor = CLASS | HELD | NOWHERE; holder = ME }
  :: else
  fi
}

/* src/engine/slab.c, sa_slab_destroy
   | atomic_store_explicit(&slab->anchor, SA_NOTHING, memory_order_release);
   | sa_units_give(slab, slab->units); */
inline slab_destroy()
{
  d_step { IS_MINE; assert(!out[0] && !out[1] && !out[2] && owner == 0 && adopter == 0);
           anchor = 0; holder = 0 };
  taken = false
}

/* src/engine/slab.c, claim
   | if (sa_anchor_what(old) != cls + 1 || !(old & SA_LISTED))
   | } while (!anchor_change(slab, &old, anchor_with(slab, old, NULL, 0) | SA_HELD));
   | unlist(slab, cls);
   | slab->free = anchor_list(slab, old);
   `done`: claimed. */
inline slab_claim()
{
  old = anchor;
  do
  :: !(old & CLASS) || !(old & LISTED) -> done = false; break
  :: else ->
     anchor_change(WITH(old, NOWHERE, 0) | HELD);
     if
     :: done -> clear_hint(); d_step { IS_MINE; list = HEAD(old) }; break
     :: else
     fi
  od
}

/* src/engine/slab.c, claim_in
   | uint64_t bits = atomic_load_explicit(&region->listed[cls][chunk], memory_order_relaxed);
   src/engine/slab.c, sa_slab_claim
   | if (atomic_load_explicit(&listed_count[cls], memory_order_relaxed) == 0) */
inline slab_find_listed()
{
  done = false;
  if
  :: hints != 0 -> if
                   :: hint -> slab_claim()
                   :: else
                   fi
  :: else
  fi
}

/* src/engine/slab.c, sa_slab_carve
   | slab->carved += count;
   One block at a time; it becomes the whole list, which is empty before. */
inline slab_carve()
{
  d_step {
    IS_MINE;
    done = carved < BLOCKS;
    if
    :: done -> list = carved; links[carved] = NOWHERE; carved++
    :: else
    fi
  }
}

/* src/engine/slab.c, sa_slab_collect
   | if (sa_anchor_count(old) == 0)
   | } while (!anchor_change(slab, &old, anchor_with(slab, old, NULL, 0)));
   | return anchor_list(slab, old); */
inline slab_collect()
{
  old = anchor;
  do
  :: COUNT(old) == 0 -> done = false; break
  :: else ->
     anchor_change(WITH(old, NOWHERE, 0));
     if
     :: done -> d_step { IS_MINE; list = HEAD(old) }; break
     :: else
     fi
  od
}

/* src/engine/slab.c, sa_slab_leave_full
   | set_owner(slab, NULL);
   | while (!anchor_change(slab, &old, old & ~SA_HELD))
   | set_owner(slab, owner);
   `done`: it is nobody's now. */
inline slab_leave_full()
{
  old = anchor;
  if
  :: COUNT(old) != 0 -> done = false
  :: else ->
#ifndef BUG_OWNER_CLEARED_LATE
     owner = 0;
#endif
     do
     :: anchor_change(old & ~HELD);
        if
        :: done -> break
        :: !done && COUNT(old) != 0 -> owner = ME; break
        :: else
        fi
     od;
#ifdef BUG_OWNER_CLEARED_LATE
     owner = 0
#endif
  fi
}

/* src/engine/slab.c, sa_slab_adopt
   | if ((old & SA_HELD) || sa_anchor_count(old) != 0)
   | } while (!anchor_change(slab, &old, old | SA_HELD));
   | slab->free = NULL;
   | slab->freed = 0;
   `done`: it is ours. */
inline slab_adopt()
{
  old = anchor;
  do
#ifdef BUG_ADOPTED_ALTHOUGH_NOT_FULL
  :: old & HELD -> done = false; break
#else
  :: (old & HELD) || COUNT(old) != 0 -> done = false; break
#endif
  :: else ->
     anchor_change(old | HELD);
     if
     :: done -> d_step { IS_MINE; list = NOWHERE; freed = 0 }; break
     :: else
     fi
  od
}

/* src/engine/slab.c, settle
   | uint64_t new = anchor_with(slab, *old, blocks, count) & ~SA_HELD;
   | if (!anchor_change(slab, old, new | (all ? SA_HELD : fair ? SA_LISTED : 0)))
   | bool was_listed = *old & SA_LISTED;
   | if (was_listed)
   | } else if (fair && !was_listed) {
   `done`: the anchor had not changed. */
inline slab_settle()
{
  anchor_change((WITH(old, blocks, free) & ~HELD) |
                (free == BLOCKS -> HELD : (free >= FAIR -> LISTED : 0)));
  if
  :: done && free == BLOCKS ->
#ifdef BUG_UNLISTED_LATE
     slab_destroy();
#endif
     if
     :: old & LISTED -> clear_hint()
     :: else
     fi;
#ifndef BUG_UNLISTED_LATE
     slab_destroy()
#endif
  :: done && free >= FAIR && free < BLOCKS ->
     if
     :: old & LISTED
     :: else -> set_hint()
     fi
  :: else
  fi
}

/* src/engine/slab.c, sa_slab_put
   | uint32_t count = sa_anchor_count(old) + parcel->count;
   | *(void **)parcel->last = anchor_list(slab, old);
   | done = old & SA_HELD ? anchor_change(slab, &old, anchor_with(slab, old, parcel->first, count))
   |                      : settle(slab, &old, parcel->first, count);
   The list is in `first`, `end` and `count`. */
inline slab_put()
{
  d_step { old = anchor; assert(old & CLASS) };
#ifdef BUG_LINKED_ONCE
  links[end] = HEAD(old);
#endif
  do
  :: d_step { free = COUNT(old) + count; blocks = first;
              assert(free <= BLOCKS) /* else it says that a block was freed twice */ };
#ifndef BUG_LINKED_ONCE
     links[end] = HEAD(old);
#endif
     if
     :: old & HELD -> anchor_change(WITH(old, first, free))
     :: else       -> slab_settle()
     fi;
     if
     :: done -> break
     :: else
     fi
  od
}

/* src/engine/slab.c, sa_slab_give_up
   | set_owner(slab, NULL);
   | uint32_t ours = slab->freed + slab->capacity - slab->carved;
   | *(void **)last = blocks;
   | } while (!settle(slab, &old, blocks, ours + sa_anchor_count(old))); */
inline slab_give_up()
{
  owner = 0;
  d_step { IS_MINE; count = freed + BLOCKS - carved; first = list; end = last;
           list = NOWHERE; last = 0; freed = 0 };
  old = anchor;
#ifdef BUG_COUNTED_ONCE
  free = count + COUNT(old);
#endif
  do
  :: d_step {
#ifndef BUG_COUNTED_ONCE
       free = count + COUNT(old);
#endif
       assert(free <= BLOCKS);
       blocks = HEAD(old);
       if
       :: first != NOWHERE -> links[end] = blocks; blocks = first
       :: else
       fi
     };
     slab_settle();
     if
     :: done -> break
     :: else
     fi
  od
}

/* src/engine/cache.c, give_up_current
   | for (void *block = slab->free; block; block = *(void **)block) {
   | sa_slab_give_up(slab); */
inline give_up_current()
{
  d_step {
    IS_MINE; assert(owner == ME);
    freed = 0;
    block = list;
    do
    :: block == NOWHERE -> break
    :: else -> assert(links[block] != WRITTEN && freed < BLOCKS);
               last = block; freed++; block = links[block]
    od;
    skip
  };
  slab_give_up()
}

/* src/engine/alloc.c, sa_malloc
   | slab->free = *(void **)block; */
inline pop()
{
  d_step {
    IS_MINE; assert(owner == ME && !out[list] && links[list] != WRITTEN);
    out[list] = true;
    block = list; list = links[block]; links[block] = WRITTEN
  }
}

/* Any block that is out comes into this thread's hands, to be freed. */
inline take_any()
{
  atomic {
    if
    :: out[0] -> block = 0
    :: out[1] -> block = 1
    :: out[2] -> block = 2
    fi;
    out[block] = false
  }
}

#define NONE_OUT (!out[0] && !out[1] && !out[2])

/* So that it does not matter any more which they were. */
inline forget()
{
  d_step {
    old = 0; done = false; block = 0; first = NOWHERE; end = 0; count = 0; blocks = 0; free = 0
  }
}

/* When all threads are done: nobody holds the slab, each block is with a user or counted, and whether
 * it can be found or is gone is as it should be. The hint alone may be left behind. */
inline check_end()
{
  byte users = out[0] + out[1] + out[2];
  assert(holder == 0 && owner == 0 && adopter == 0 && taken == (users > 0));
  assert(!taken -> anchor == 0 && hints == 0
         : COUNT(anchor) + users == BLOCKS && (COUNT(anchor) >= FAIR) == ((anchor & LISTED) != 0)
           && hints == ((anchor & LISTED) != 0) && (!(anchor & LISTED) || hint));
  byte link = (taken -> HEAD(anchor) : NOWHERE);
  byte left = COUNT(anchor);
  do
  :: link == NOWHERE -> break
  :: else -> assert(left > 0 && links[link] != WRITTEN); left--; link = links[link]
  od;
  assert(!taken || left == BLOCKS - carved)
}
