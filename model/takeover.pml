/*
 * The take-over of a slab that nobody owns: three threads allocate from it, free into it, hold it in
 * turn, as current or adopted, and exit.
 *
 * What makes a thread give up a slab is the rest of its life: its current slab goes when it is full or
 * when memory is trimmed, an adopted one when its place in the ring of these is needed, both when the
 * thread exits. So here a thread gives up what it holds at any time.
 *
 * What holds: at most one thread holds the slab, and only that one touches what is the holder's; no
 * block is given out twice or lost, however often the slab has changed hands; the thread that holds it
 * as current is its owner, so that a free on the fast path is right; exits leave nothing behind.
 *
 * BUG_OWNER_CLEARED_LATE: a thread that leaves a full slab clears the owner when another may be it
 * BUG_COUNTED_ONCE: what other threads free while a slab is given up is not counted
 * BUG_ADOPTED_ALTHOUGH_NOT_FULL: a slab is adopted that has free blocks, and may be listed
 */
#define BLOCKS 2
#define FAIR   1
#include "slab.pml"

byte running = 3;

/* src/engine/cache.c, find_slab
   | struct sa_slab *slab = take_adopted(cache, cls);
   | slab = sa_slab_claim(cls);
   | return slab ? slab : sa_slab_new(cls);
   src/engine/cache.c, find_blocks
   | cache->current[cls] = slab;
   | atomic_store_explicit(&slab->owner, sa_os_thread(), memory_order_relaxed); */
inline find_slab()
{
  if
  :: adopter == ME -> adopter = 0; done = true
  :: else ->
     slab_find_listed();
     if
     :: done
     :: else -> slab_new()
     fi
  fi;
  if
  :: done -> owner = ME
  :: else
  fi
}

/* src/engine/cache.c, find_blocks
   | if (find_blocks_in(slab))
   | } while (!sa_slab_leave_full(slab));
   src/engine/cache.c, find_blocks_in
   | slab->free = sa_slab_collect(slab);
   | slab->free = sa_slab_carve(slab);
   `done`: the slab is full, and was left. */
inline find_blocks()
{
  do
  :: slab_collect();
     if
     :: done -> done = false; break
     :: else -> slab_carve()
     fi;
     if
     :: done -> done = false; break
     :: else -> slab_leave_full()
     fi;
     if
     :: done -> break
     :: else
     fi
  od
}

/* src/engine/alloc.c, free_here
   | *(void **)block = next;
   | slab->free = block; */
inline free_here() { d_step { IS_MINE; links[block] = list; list = block } }

/* src/engine/cache.c, free_adopted
   | if (!slab->free)
   | slab->last = block;
   | slab->freed++; */
inline free_adopted()
{
  d_step {
    IS_MINE;
    if
    :: list == NOWHERE -> last = block
    :: else
    fi;
    links[block] = list; list = block; freed++
  }
}

/* src/engine/alloc.c, is_mine
   | return SA_LIKELY(atomic_load_explicit(&slab->owner, memory_order_relaxed) == sa_os_thread());
   src/engine/cache.c, free_into
   | } else if (atomic_load_explicit(&slab->adopter, memory_order_relaxed) == cache) {
   | } else if (sa_slab_adopt(slab)) {
   | keep_adopted(cache, slab);
   | start(parcel, slab, block);
   A parcel of one block; free.pml has longer ones. */
inline free_any()
{
  if
  :: owner == ME -> free_here()
  :: else ->
     if
     :: adopter == ME -> free_adopted()
     :: else ->
        slab_adopt();
        if
        :: done -> adopter = ME; free_adopted()
        :: else -> d_step { links[block] = NOWHERE; first = block; end = block; count = 1 };
                   slab_put()
        fi
     fi
  fi
}

active [3] proctype thread()
{
  LOCALS;
  bool searched; /* once is enough: after that it holds what it has freed into */
  do
  :: owner == ME && list != NOWHERE -> pop(); forget()
  :: owner == ME && list == NOWHERE -> find_blocks(); forget()
  :: owner != ME && !searched -> find_slab(); searched = done; forget()
  :: atomic { !NONE_OUT -> take_any() }; free_any(); forget()
  /* src/engine/cache.c, give_up_all
     | give_up_current(cache, cls);
     | give_up_adopted(cache, place); */
  :: owner == ME                    -> give_up_current(); forget()
  /* src/engine/cache.c, give_up_adopted
     | atomic_store_explicit(&slab->adopter, NULL, memory_order_relaxed);
     | sa_slab_give_up(slab); */
  :: adopter == ME                  -> adopter = 0; slab_give_up(); forget()
  :: owner != ME && adopter != ME   -> break
  od;
  atomic { searched = false; running-- }
}

init { d_step { running == 0 -> check_end() } }
