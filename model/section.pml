/*
 * A section's liveness on POSIX: three processes create or open a section by its name, use it and leave
 * it, and each may be killed at any step but one: see BUG_KILLED_WHILE_REMOVING.
 *
 * A lock is a process's as long as it has the file open; the kernel drops it when the process dies. To
 * the kernel, making a shared lock exclusive is two steps: the shared one is given up first, and is lost
 * if the exclusive one cannot be had.
 *
 * What holds: as long as somebody uses a section its name is there, so nobody makes another of that
 * name beside it; and once the last one who used it has left or was killed, nobody comes to use it.
 *
 * BUG_REMOVED_WITHOUT_LOCK: who leaves removes the name although others use the section
 * BUG_NAME_NOT_LOOKED_AT: who has waited for his lock does not look whether the file still has a name
 * BUG_LINKED_BEFORE_LOCKED: a new file gets its name before its lock
 * BUG_KILLED_WHILE_REMOVING: one who is about to remove a name is killed while another waits for him:
 *   known, and left so; who comes then finds what was in the section
 */

#define FILES  4
#define NONE   0 /* instead of a file, which are numbered from 1 */
#define SHARED 1
#define ALONE  2

byte name;              /* the file that it refers to */
byte file[3];           /* that each process has open */
byte lock[3];           /* that each has on it */

/* What no process knows, but the model does. */
bool uses[3];           /* the process uses the section of its file, */
bool found[3];          /* or has found that somebody does, and is to join him */
bool killed[3];
bool dead[FILES + 1];   /* nobody uses that section any more, nor has found that somebody does */

#define B ((_pid + 1) % 3)
#define C ((_pid + 2) % 3)
#define MINE file[_pid]
#define HAS(process, kind) (file[process] == MINE && lock[process] == kind)
#define OTHERS_SHARE (HAS(B, SHARED) || HAS(C, SHARED))
#define IS_ALIVE (OTHERS_SHARE || (file[B] == MINE && found[B]) || (file[C] == MINE && found[C]))
#define OTHERS_LOCK  (OTHERS_SHARE || HAS(B, ALONE) || HAS(C, ALONE))

#ifdef BUG_KILLED_WHILE_REMOVING
#define IS_KILLED killed[_pid]
#else
#define IS_KILLED killed[_pid] && lock[_pid] != ALONE
#endif

/* Closes the file, or dies with it. A file that nobody has open and no name refers to is no more. */
inline close_file()
{
  d_step {
    dead[MINE] = dead[MINE] || !IS_ALIVE;
    if
    :: name != MINE && file[B] != MINE && file[C] != MINE -> dead[MINE] = false
    :: else
    fi;
    lock[_pid] = 0; MINE = NONE; uses[_pid] = false; found[_pid] = false
  }
}

inline begin_to_use()
{
  atomic {
    assert(name == MINE && !dead[MINE] && lock[_pid] == SHARED);
    assert(!(uses[B] && file[B] != MINE) && !(uses[C] && file[C] != MINE));
    uses[_pid] = true; found[_pid] = false
  }
}

/* src/section/names.c, lock_alone
   | return flock(file, LOCK_EX | LOCK_NB) == 0;
   `done`: locked. Who leaves has given up his lock by then, too. */
inline lock_alone()
{
  lock[_pid] = 0;
  atomic {
    done = !OTHERS_LOCK;
    if
    :: done -> lock[_pid] = ALONE
    :: else -> found[_pid] = OTHERS_SHARE
    fi
  }
}

/* src/section/names.c, lock_with_others
   | while (flock(file, LOCK_SH) != 0) */
inline lock_with_others() { atomic { !HAS(B, ALONE) && !HAS(C, ALONE) -> lock[_pid] = SHARED } }

/* src/section/names.c, remove_name
   | || named.st_ino != locked.st_ino || named.st_dev != locked.st_dev)
   | return unlinkat(directory, name, 0) == 0 ? 0 : errno; */
inline remove_name()
{
  done = name == MINE;
  if
  :: done -> atomic { assert(!uses[B] && !uses[C] && name == MINE); name = NONE }
  :: else
  fi;
  done = false
}

/* src/section/names.c, open_alive
   | *file = open_file(directory, name, flags & SA_SECTION_READ_ONLY ? O_RDONLY : O_RDWR);
   src/section/names.c, life_of
   | if (lock_alone(file)) {
   | *failed = remove_name(directory, name, file);
   | *failed = lock_with_others(file);
   | return *failed || (fstat(file, &status) == 0 && status.st_nlink > 0) ? ALIVE : DYING;
   `done`: open, alive, and locked. If there is none, MINE is NONE; else it is to be looked for again. */
inline open_alive()
{
  done = false;
  MINE = name;
  if
  :: MINE == NONE
  :: else ->
     lock_alone();
     if
     :: done -> remove_name(); close_file()
     :: else ->
        lock_with_others();
#ifdef BUG_NAME_NOT_LOOKED_AT
        done = true
#else
        done = name == MINE
#endif
     fi
  fi
}

/* src/section/names.c, make_file
   | failed = lock_with_others(*file);
   src/section/names.c, link_file
   | return linkat(AT_FDCWD, path, directory, name, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
   `done`: made. */
inline make_named()
{
  atomic {
    MINE = 1;
    do
    :: MINE == name || MINE == file[B] || MINE == file[C] -> MINE++
    :: else -> break
    od;
    assert(MINE <= FILES)
  };
#ifndef BUG_LINKED_BEFORE_LOCKED
  lock[_pid] = SHARED;
#endif
  atomic {
    done = name == NONE;
    if
    :: done -> name = MINE
    :: else
    fi
  };
#ifdef BUG_LINKED_BEFORE_LOCKED
  lock_with_others();
#endif
  if
  :: done
  :: else -> close_file()
  fi
}

/* src/section/names.c, make_or_open
   | failed = open_alive(directory, name, flags, file);
   | failed = make_named(directory, name, size, flags, file);
   | } while (failed == EEXIST);
   src/section/names.c, sa_name_leave
   | if (directory >= 0 && lock_alone(file))
   | remove_name(directory, name, file);
   | close(file); */
active [3] proctype process()
{
  bool done;
  {
    do
    :: open_alive();
       if
       :: done -> break
       :: !done && MINE != NONE -> close_file()
       :: !done && MINE == NONE -> make_named();
                                   if
                                   :: done -> break
                                   :: else
                                   fi
       fi
    od;
    begin_to_use();
    uses[_pid] = false;
#ifdef BUG_REMOVED_WITHOUT_LOCK
    remove_name();
#else
    lock_alone();
    if
    :: done -> remove_name()
    :: else
    fi;
#endif
    close_file()
  } unless { IS_KILLED };
  if
  :: MINE != NONE -> close_file()
  :: else
  fi;
}

/* Some of them, at any time. */
active proctype killer()
{
  if :: killed[0] = true :: skip fi;
  if :: killed[1] = true :: skip fi;
  if :: killed[2] = true :: skip fi
}
