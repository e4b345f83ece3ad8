/*
 * A slab in the hardened mode, whose free blocks are not linked: there is a bit for each, and the anchor
 * counts. Three threads take blocks from it, free any block into it, hold it in turn, and give it up.
 *
 * A block that is out here is with a user, in a thread's ring, or on its way between these.
 *
 * What holds: a holder that has counted so many free blocks finds as many bits, and takes no more; so no
 * block is given out twice or lost, and nobody sets a bit of a slab that was given back.
 *
 * BUG_COUNTED_FIRST: a freed block is counted before its bit is set
 * BUG_UNCOUNTED_TAKEN: a holder takes all bits that it finds
 */
#define BLOCKS 2
#define FAIR   1
#include "slab.pml"

byte bits;
byte running = 3;

/* src/engine/hardened.c, new_slab
   | slab->carved = slab->capacity;
   | slab->freed = slab->capacity;
   src/engine/hardened.c, find_slab
   | slab = sa_slab_claim(cls);
   | slab = new_slab(rings, cls);
   | rings->current[cls] = slab;
   src/engine/slab.c, claim
   | slab->freed = sa_anchor_count(old); */
inline find_slab()
{
  slab_find_listed();
  if
  :: done -> freed = COUNT(old)
  :: else ->
     slab_new();
     if
     :: done -> d_step { bits = (1 << BLOCKS) - 1; carved = BLOCKS; freed = BLOCKS }
     :: else
     fi
  fi;
  mine = done
}

/* src/engine/hardened.c, find_slab
   | (void)sa_slab_collect(slab);
   | } while (!sa_slab_leave_full(slab));
   src/engine/slab.c, sa_slab_collect
   | slab->freed = sa_anchor_count(old); */
inline find_blocks()
{
  slab_collect();
  if
  :: done -> freed = COUNT(old)
  :: else -> slab_leave_full(); mine = !done
  fi
}

/* src/engine/hardened.c, take_bits
   | if (most > slab->freed)
   | while (!(taken = some_of(get_bits(half_of(slab, slab->first * BITS)), most)))
   | take_half(&halves[0], taken << HALF);
   | take_half(&halves[1], taken & UPPER_HALF);
   | slab->freed -= (uint32_t)__builtin_popcount(taken);
   One after the other, any of them: between the look and the take, others only add to the bits. */
inline take()
{
  d_step {
    IS_MINE; assert(bits != 0);
    do
    :: block = (bits & 1 -> 0 : 1);
       assert(!out[block]);
       out[block] = true; bits = bits & ~(1 << block);
       freed = (freed > 0 -> freed - 1 : 0);
#ifdef BUG_UNCOUNTED_TAKEN
       if
       :: bits == 0 -> break
       :: else
       fi
#else
       break
#endif
    od
  }
}

/* src/engine/hardened.c, put_in_slab
   | atomic_fetch_or_explicit(half_of(slab, number), UINT32_C(1) << (HALF + number % HALF),
   | if (slab == rings->current[sa_slab_class(slab)])
   | slab->freed++;
   | parcel->count++;
   src/engine/hardened.c, put_rest
   | sa_slab_put(parcel); */
inline set_bit() { d_step { assert(taken && !(bits & (1 << block))); bits = bits | (1 << block) } }

inline free_any()
{
#ifndef BUG_COUNTED_FIRST
  set_bit();
#endif
  if
  :: mine -> d_step { IS_MINE; freed++ }
  :: else -> d_step { first = NOWHERE; end = 0; count = 1 }; slab_put()
  fi;
#ifdef BUG_COUNTED_FIRST
  set_bit()
#endif
}

active [3] proctype thread()
{
  LOCALS;
  bool mine;     /* current in this thread's rings */
  bool searched; /* each holds it once, for any time */
  do
  :: mine && freed > 0              -> take(); forget()
  :: mine && freed == 0             -> find_blocks(); forget()
  :: !mine && !searched             -> find_slab(); searched = done; forget()
  :: atomic { !NONE_OUT -> take_any() }; free_any(); forget()
  /* src/engine/hardened.c, sa_rings_empty
     | sa_slab_give_up(rings->current[cls]); */
  :: mine                           -> slab_give_up(); mine = false; forget()
  :: !mine                          -> break
  od;
  atomic { searched = false; running-- }
}

init
{
  d_step {
    running == 0;
    byte users = out[0] + out[1];
    byte set = (bits & 1) + (bits >> 1 & 1);
    assert(holder == 0 && taken == (users > 0));
    assert(!taken || (COUNT(anchor) + users == BLOCKS && set == COUNT(anchor)
                      && (COUNT(anchor) >= FAIR) == ((anchor & LISTED) != 0)))
  }
}
