/*
 * Freed large blocks that the hardened mode holds back: three threads take runs of units for a block each,
 * free it into one place or two of a ring, and let go all that are there, at any time.
 *
 * What holds: a run goes back once, when nobody has it any more, its descriptor is its user's alone, and in the
 * end each run is in a place or can be taken.
 *
 * BUG_LOOKED_FIRST: what is in a place is read, and only then replaced
 * BUG_FORGOTTEN_LATE: a descriptor is cleared when its units may be another block's
 */
#define RUNS   3
#define PLACES 2
#define NONE   0 /* instead of a run, which are numbered from 1 */

mtype = { nothing, large, freed };

byte place[PLACES];
byte next;
bool used[RUNS + 1];
mtype anchor[RUNS + 1] = nothing;
byte running = 3;

/* src/engine/units.c, replace
   | atomic_exchange_explicit(&held[place % HELD_PLACES], with, memory_order_acq_rel);
   | atomic_store_explicit(&first->anchor, SA_NOTHING, memory_order_relaxed);
   | unuse(run_from(first, first->units)); */
inline replace(at, with)
{
#ifdef BUG_LOOKED_FIRST
  first = place[(at) % PLACES];
  place[(at) % PLACES] = with;
#else
  atomic { first = place[(at) % PLACES]; place[(at) % PLACES] = with };
#endif
  if
  :: first != NONE ->
#ifdef BUG_FORGOTTEN_LATE
     d_step { assert(used[first]); used[first] = false };
     anchor[first] = nothing
#else
     d_step { assert(anchor[first] == freed); anchor[first] = nothing };
     d_step { assert(used[first]); used[first] = false }
#endif
  :: else
  fi;
  first = NONE
}

/* src/engine/units.c, use_in_chunk
   | if (use(*run))
   src/engine/large.c, sa_large_alloc
   | atomic_store_explicit(&slab->anchor, (uint64_t)SA_LARGE << SA_WHAT_SHIFT, memory_order_release); */
inline take()
{
  if
  :: atomic { !used[1] -> used[1] = true; block = 1 }
  :: atomic { !used[2] -> used[2] = true; block = 2 }
  :: atomic { !used[3] -> used[3] = true; block = 3 }
  :: else
  fi;
  if
  :: block != NONE -> d_step { assert(anchor[block] == nothing); anchor[block] = large }
  :: else
  fi
}

/* src/engine/large.c, make_free
   | return atomic_exchange_explicit(&slab->anchor, free, memory_order_acq_rel);
   src/engine/units.c, hold
   | size_t at = atomic_fetch_add_explicit(&held_next, places, memory_order_relaxed);
   | replace(at++, NULL);
   | replace(at, first); */
inline give()
{
  d_step { assert(used[block] && anchor[block] == large); anchor[block] = freed };
  if
  :: d_step { i = next; next = (next + 1) % PLACES }
  :: i = next; replace(i, NONE); i++ /* by two, the next one is as before */
  fi;
  replace(i, block);
  d_step { block = NONE; i = 0 }
}

/* src/engine/units.c, let_all_go
   | for (size_t place = 0; place < HELD_PLACES; place++)
   | any |= replace(place, NULL); */
inline let_all_go() { replace(0, NONE); replace(1, NONE) }

active [3] proctype thread()
{
  byte block = NONE;
  byte first = NONE;
  byte i;
  byte times; /* that it takes a block */
  do
  :: times < 2 -> times++; take();
     if
     :: block != NONE -> give()
     :: else
     fi
  :: times > 0 -> let_all_go()
  :: times == 2 -> break
  od;
  atomic { times = 0; running-- }
}

init
{
  d_step {
    running == 0;
    byte at = 1;
    do
    :: at <= RUNS ->
       assert((place[0] == at || place[1] == at) == used[at]);
       assert(anchor[at] == (used[at] -> freed : nothing));
       assert(place[0] != place[1] || place[0] == NONE);
       at++
    :: else -> break
    od
  }
}
