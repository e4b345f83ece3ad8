/*
 * A shared scope's enter, leave and destroy: its home thread and two others enter and leave it as long
 * as nobody has destroyed it; one of the three does so, be it inside or not. A scope with a budget is
 * the limiter of scopes created inside, which may end later than it.
 *
 * The home thread's stores to `entries` go through a store buffer, as x86 has one: memory sees them
 * later, in their order, and a locked instruction or a barrier waits until it has seen them all. That
 * is what the argument in src/scope/scope.h under LIFE is about; every other step here is a locked
 * instruction, or a load.
 *
 * A program may enter a scope as long as it is sure that nobody has called destroy, so enter and
 * destroy exclude each other here; a leave may come at any time.
 *
 * What holds: what the scope has is freed exactly once, and only when nobody is inside; its header
 * goes exactly once, when nobody will touch it any more; no arena has two users.
 *
 * VARIANT_NO_FENCE: the system has no membarrier, so the home thread's last leave is a locked instruction
 * BUG_NO_FENCE: the one who destroys makes nobody pass a barrier
 * BUG_NO_LEAVING: the home thread is said to be outside before it has looked at the state
 * BUG_LEAVING_IS_OUTSIDE: the one who destroys does not wait for a home thread that is leaving
 * BUG_NOT_A_USER: the one who destroys is no user of the scope meanwhile
 * BUG_ARENA_LEFT_LATE: a thread gives up its arena when it is no user any more
 * BUG_HEADER_GONE_WITH_USERS: the header goes with the last user, whoever keeps it
 * BUG_TAKEN_UNCLAIMED: a thread takes what is free in an arena without a user, and lets others enter it
 */

#define ALIVE   1 /* 0: SA_NO_SCOPE */
#define OVER    2
#define ENDED   3
#define ENDING  4
#define LEAVING 9 /* SA_LEAVING, instead of a number of entries */
#define HOME    1 /* the home thread's number */
#define NOBODY  8 /* SA_NOBODY */
#define ME      (_pid + 1)

byte state = ALIVE;
byte users = 1;    /* the handle */
byte keepers = 1;  /* all users */
byte entries;      /* of the home arena, as memory has it */
byte user;         /* of another arena, which those can have that are not at home */
chan stores = [3] of { byte }; /* the home thread's to `entries` that memory has not seen */

/* What no thread knows, but the model does. */
bool freed;        /* what the scope held */
bool gone;         /* the header, too */
bool destroying;   /* the program must not enter any more */
byte entering;
byte running = 3;

#define IS_THERE assert(!freed && !gone)
#define MAY_BE_DESTROYED (!destroying && entering == 0)

/* A locked instruction; only the home thread's stores matter. */
#define LOCKED (ME != HOME || empty(stores))

/* src/scope/stack.c, set_entries
   | atomic_store_explicit(&arena->entries, entries, memory_order_relaxed); */
inline store_entries(value) { stores!value }

/* --- the end ---------------------------------------------------------------------------------- */

/* src/scope/scope.c, drop_keeper
   | if (atomic_load_explicit(&scope->keepers, memory_order_acquire) != 1
   | && atomic_fetch_sub_explicit(&scope->keepers, 1, memory_order_acq_rel) != 1)
   | keep_warm(sa_chunk_of(scope)); */
inline drop_keeper()
{
  assert(!gone);
  seen = keepers;
  if
  :: seen != 1 -> atomic { LOCKED -> assert(!gone); seen = keepers; keepers-- }
  :: else
  fi;
  if
#ifdef BUG_HEADER_GONE_WITH_USERS
  :: true -> atomic { LOCKED -> assert(!gone); gone = true }
#else
  :: seen == 1 -> atomic { LOCKED -> assert(!gone); gone = true }
  :: else
#endif
  fi
}

/* src/scope/scope.c, end
   | free_chunks(scope);
   | drop_keeper(scope); */
inline end_scope()
{
  atomic { LOCKED -> IS_THERE; freed = true };
  drop_keeper()
}

/* src/scope/scope.c, sa_scope_drop_user
   | if (atomic_fetch_sub_explicit(&scope->users, 1, memory_order_acq_rel) == 1)
   | end(scope); */
inline drop_user()
{
  atomic { LOCKED -> IS_THERE; seen = users; users-- };
  if
  :: seen == 1 -> end_scope()
  :: else
  fi
}

/* src/scope/scope.c, sa_scope_drop_handle
   | if (atomic_compare_exchange_strong_explicit(&scope->state, &over, SA_ENDED, memory_order_acq_rel,
   | sa_scope_drop_user(scope); */
inline drop_handle()
{
  atomic {
    LOCKED -> IS_THERE;
    seen = state;
    if
    :: state == OVER -> state = ENDED
    :: else
    fi
  };
  if
  :: seen == OVER -> drop_user()
  :: else
  fi
}

/* --- scopes inside ---------------------------------------------------------------------------- */

/* src/scope/scope.c, limiter_here
   | atomic_fetch_add_explicit(&around->keepers, 1, memory_order_relaxed); */
inline create_inner() { atomic { LOCKED -> IS_THERE; keepers++; inner = true } }

/* src/scope/scope.c, end
   | sa_budget_return(scope->limiter, bytes + carved_bytes(scope));
   src/scope/scope.c, drop_keeper
   | struct sa_scope *limiter = scope->limiter;
   | scope = limiter; */
inline end_inner()
{
  atomic { assert(!gone); inner = false };
  drop_keeper()
}

/* --- arenas that nobody uses ------------------------------------------------------------------ */

/* src/scope/arena.c, take_left
   | if (!atomic_compare_exchange_strong_explicit(&from->user, &user, SA_NOBODY,
   | take_free(arena, from);
   | atomic_store_explicit(&from->user, 0, memory_order_release); */
inline take_left()
{
  atomic {
    LOCKED -> IS_THERE;
    takes = user == 0;
    if
#ifdef BUG_TAKEN_UNCLAIMED
    :: true
#else
    :: takes -> user = NOBODY
    :: else
#endif
    fi
  };
  if
  :: takes -> atomic { IS_THERE; assert(user == 0 || user == NOBODY); user = 0; takes = false }
  :: else
  fi
}

/* --- the home thread -------------------------------------------------------------------------- */

/* src/scope/stack.c, sa_scope_enter
   | set_entries(arena, 1);
   Whoever destroys the scope knows of this entry, if the program lets it. */
inline enter_home()
{
  store_entries(1);
  atomic { empty(stores) -> entering--; depth = 1 }
}

/* src/scope/stack.c, push_again
   | set_entries(arena, entries_of(arena) + 1); */
inline enter_home_again() { store_entries(2); depth = 2 }

/* src/scope/stack.c, home_leaves
   | set_entries(arena, SA_LEAVING);
   | atomic_exchange_explicit(&arena->entries, SA_LEAVING, memory_order_seq_cst);
   | if (SA_LIKELY(atomic_load_explicit(&scope->state, memory_order_seq_cst) != SA_OVER))
   | atomic_store_explicit(&arena->entries, 0, memory_order_release);
   | sa_scope_drop_handle(scope);
   src/scope/stack.c, end_entry
   | set_entries(arena, entries - 1); */
inline leave_home()
{
  if
  :: depth == 2 -> store_entries(1)
  :: depth == 1 ->
#ifdef BUG_NO_LEAVING
     store_entries(0);
#else
     store_entries(LEAVING);
#endif
#ifdef VARIANT_NO_FENCE
     empty(stores);
#endif
     atomic { IS_THERE; seen = state };
     if
     :: seen == OVER -> drop_handle()
     :: seen != OVER -> store_entries(0)
     fi
  fi;
  depth--
}

/* src/scope/scope.c, destroy_at_home
   | atomic_store_explicit(&scope->state, SA_ENDING, memory_order_relaxed);
   | if (SA_LIKELY(atomic_load_explicit(&scope->users, memory_order_acquire) == 1)) {
   | end(scope);
   | atomic_store_explicit(&scope->state, SA_ENDED, memory_order_relaxed);
   | sa_scope_drop_user(scope); */
inline destroy_at_home()
{
  state = ENDING;
  atomic { IS_THERE; seen = users };
  if
  :: seen == 1 -> end_scope()
  :: else -> state = ENDED; drop_user()
  fi
}

/* --- the other threads ------------------------------------------------------------------------ */

/* src/scope/stack.c, sa_arena_join_scope
   | atomic_fetch_add_explicit(&scope->users, 1, memory_order_relaxed);
   | struct sa_arena *arena = claim_arena(scope);
   | arena = new_arena(scope);
   src/scope/stack.c, claim_arena
   | if (atomic_compare_exchange_strong_explicit(&arena->user, &user, sa_thread.id, */
inline enter_from_elsewhere()
{
  atomic { IS_THERE; users++ };
  atomic {
    IS_THERE;
    shares = user == 0;
    if
    :: shares -> user = ME
    :: else
    fi
  };
  atomic { entering--; inside = true }
}

/* src/scope/stack.c, sa_arena_leave
   | atomic_store_explicit(&arena->user, 0, memory_order_release);
   | sa_scope_drop_user(scope); */
inline leave_from_elsewhere()
{
#ifdef BUG_ARENA_LEFT_LATE
  drop_user();
#endif
  atomic {
    IS_THERE;
    if
    :: shares -> user = 0
    :: else
    fi;
    inside = false; shares = false
  };
#ifndef BUG_ARENA_LEFT_LATE
  drop_user()
#endif
}

/* src/scope/scope.c, is_left_to_home
   | sa_os_fence_others();
   | while ((entries = atomic_load_explicit(&home->entries, memory_order_seq_cst)) == SA_LEAVING) {
   | if (atomic_load_explicit(&scope->state, memory_order_acquire) == SA_ENDED)
   | return entries != 0;
   A barrier that the home thread passes is an instant at which memory has seen all its stores. */
inline is_left_to_home()
{
#if !defined(VARIANT_NO_FENCE) && !defined(BUG_NO_FENCE)
  empty(stores);
#endif
  do
  :: atomic { IS_THERE; seen = entries };
     if
     :: seen == LEAVING ->
#ifdef BUG_LEAVING_IS_OUTSIDE
        seen = 0; break
#else
        if
        :: atomic { state == ENDED -> IS_THERE }; break
        :: atomic { state != ENDED -> IS_THERE }
        fi
#endif
     :: else -> break
     fi
  od
}

/* src/scope/scope.c, destroy_anyhow
   | atomic_fetch_add_explicit(&scope->users, 1, memory_order_relaxed);
   | destroy_from_elsewhere(scope);
   | sa_scope_drop_user(scope);
   src/scope/scope.c, destroy_from_elsewhere
   | if (!atomic_compare_exchange_strong_explicit(&scope->state, &alive, SA_OVER, memory_order_seq_cst,
   | if (!is_left_to_home(scope))
   | sa_scope_drop_handle(scope); */
inline destroy_from_elsewhere()
{
#ifndef BUG_NOT_A_USER
  atomic { IS_THERE; users++ };
#endif
  atomic { IS_THERE; assert(state == ALIVE); state = OVER };
  is_left_to_home();
  if
  :: seen == 0 -> drop_handle()
  :: else
  fi;
#ifndef BUG_NOT_A_USER
  drop_user()
#endif
}

/* --- the threads ------------------------------------------------------------------------------ */

active proctype home()
{
  byte depth; /* how often it is inside: what `entries` is, to itself */
  bool takes;
  byte seen;
  do
  :: atomic { depth == 0 && !destroying -> entering++ }; enter_home()
  :: depth == 1 -> enter_home_again()
  :: depth > 0 -> take_left()
  :: depth > 0 -> leave_home()
  :: atomic { MAY_BE_DESTROYED -> destroying = true };
     /* src/scope/scope.c, destroy_anyhow
        | while (mine && atomic_load_explicit(&mine->entries, memory_order_relaxed) > 0)
        | sa_scope_leave(scope);
        | destroy_at_home(scope); */
     do
     :: depth > 0 -> leave_home()
     :: depth == 0 -> break
     od;
     destroy_at_home()
  :: destroying && depth == 0 -> break
  od;
  atomic { seen = 0; running-- }
}

active [2] proctype other()
{
  bool inside;
  bool shares; /* its arena is one that another thread has left, or may have then */
  bool inner; /* there is a scope that it has created inside ours */
  bool takes;
  byte seen;
  do
  :: atomic { !inside && !destroying -> entering++ }; enter_from_elsewhere()
  :: inside -> IS_THERE; assert(!shares || user == ME)
  :: inside -> take_left()
  :: inside && !inner -> create_inner()
  :: inner -> end_inner()
  :: inside -> leave_from_elsewhere()
  :: atomic { MAY_BE_DESTROYED -> destroying = true };
     if
     :: inside -> leave_from_elsewhere()
     :: else
     fi;
     destroy_from_elsewhere()
  :: destroying && !inside && !inner -> break
  od;
  atomic { seen = 0; running-- }
}

/* Memory sees the oldest store. */
active proctype memory()
{
end:
  do
  :: atomic { stores?entries -> IS_THERE }
  od
}

init { running == 0 && empty(stores) -> assert(freed && gone) }
