/*
 * A free from another thread: one thread allocates from a slab and gives it up, time and again, while
 * two others free what it has given out, by parcels that may get to the slab whoever holds it then.
 *
 * What holds: no block is given out twice or lost, only the holder touches what is the holder's, the
 * slab is given back by exactly one thread, when no block is out, and a listed slab can be found.
 *
 * BUG_LINKED_ONCE: a list is not linked again to what the anchor has become
 * BUG_UNLISTED_LATE: the hint is cleared when the units may be another slab's
 * BUG_PARCEL_FORGOTTEN: a thread exits with blocks in a parcel
 */
#define BLOCKS 3 /* so that a list has a middle */
#define FAIR   2
#include "slab.pml"

bool allocating = true;
byte running = 3;

active proctype allocator()
{
  LOCALS;
  bool current;
  byte times; /* that it has held the slab */
  do
  :: !current && times < 2 ->
     /* src/engine/cache.c, find_slab
        | slab = sa_slab_claim(cls);
        | return slab ? slab : sa_slab_new(cls); */
     slab_find_listed();
     if
     :: done
     :: else -> slab_new()
     fi;
     if
     :: done -> owner = ME; current = true; times++
     :: else
     fi;
     forget()
  :: current ->
     /* src/engine/cache.c, find_blocks_in
        | slab->free = sa_slab_collect(slab);
        | slab->free = sa_slab_carve(slab); */
     if
     :: list != NOWHERE
     :: else ->
        slab_collect();
        if
        :: done
        :: else -> slab_carve()
        fi
     fi;
     if
     :: list != NOWHERE -> pop()
     :: else
     fi;
     forget()
  :: current -> give_up_current(); current = false; forget()
  :: !current -> break
  od;
  atomic { allocating = false; times = 0; running-- }
}

active [2] proctype freer()
{
  LOCALS;
  first = NOWHERE;
  do
  :: atomic { !NONE_OUT -> take_any() };
     /* src/engine/cache.c, add
        | *(void **)block = parcel->first;
        | parcel->first = block;
        | parcel->count++; */
     d_step {
       links[block] = first;
       if
       :: first == NOWHERE -> end = block
       :: else
       fi;
       first = block; count++; block = 0
     }
  :: first != NOWHERE ->
     /* src/engine/cache.c, send
        | sa_slab_put(parcel); */
     slab_put();
     skip;
     forget()
#ifdef BUG_PARCEL_FORGOTTEN
  :: !allocating -> break
#else
  :: !allocating && first == NOWHERE -> break /* a block that is out then stays so */
#endif
  od;
  running--
}

init { d_step { running == 0 -> check_end() } }
