/*
 * A section's liveness on POSIX: three processes create or open a section by its name, use it and leave
 * it, and each may be killed at any step.
 *
 * Locks are a process's as long as it has the file open; the kernel drops them when the process dies,
 * the lock of users first. The gate is held by one process at a time; the lock of users by any number.
 *
 * What holds: as long as somebody uses a section its name is there, so nobody makes another of that
 * name beside it; once the last one who used it has left or was killed, nobody comes to use it; and if
 * nobody is killed, the name is gone in the end.
 *
 * BUG_REMOVED_WITHOUT_LOOK: who leaves removes the name although others use the section
 * BUG_REMOVED_OUTSIDE_OF_GATE: who leaves removes the name without the gate
 * BUG_NAME_NOT_LOOKED_AT: who has waited for the gate does not look whether the file still has a name
 * BUG_LINKED_BEFORE_USED: a new file gets its name before its lock
 * BUG_KILLED_WHILE_REMOVING: who opens takes it for a sign of life that another is inside the gate, who
 *   may be about to remove the name, and be killed before
 * BUG_USE_ENDS_LAST: who leaves looks for others before he ends his own use, as they do, too
 */

#define FILES 4
#define NONE  0 /* instead of a file, which are numbered from 1 */

byte name;              /* the file that it refers to */
byte file[3];           /* that each process has open */
bool gate[3];           /* each is inside the gate of its file, */
bool use[3];            /* and holds its lock of users */

/* What no process knows, but the model does. */
bool uses[3];           /* the process uses the section of its file */
bool killed[3];
bool dead[FILES + 1];   /* nobody uses that section any more */
byte ended;             /* so many processes are at their end */

#define B ((_pid + 1) % 3)
#define C ((_pid + 2) % 3)
#define MINE file[_pid]
#define OTHERS(what) ((file[B] == MINE && what[B]) || (file[C] == MINE && what[C]))

/* Ends the use of a file: the section dies with the last one. */
inline end_to_use()
{
  d_step {
    dead[MINE] = dead[MINE] || (uses[_pid] && !OTHERS(uses));
    use[_pid] = false; uses[_pid] = false
  }
}

/* Closes the file, or dies with it. A file that nobody has open and no name refers to is no more. */
inline close_file()
{
  end_to_use();
  d_step {
    gate[_pid] = false;
    if
    :: name != MINE && file[B] != MINE && file[C] != MINE -> dead[MINE] = false
    :: else
    fi;
    MINE = NONE
  }
}

/* From when on it is known to be one of those who keep the section alive. */
inline count_as_user()
{
  assert(name == MINE && !dead[MINE] && use[_pid]);
  assert(!(uses[B] && file[B] != MINE) && !(uses[C] && file[C] != MINE));
  uses[_pid] = true
}

/* src/section/names.c, enter_gate
   | while (flock(file, LOCK_EX | LOCK_NB) != 0) { */
inline enter_gate() { atomic { !OTHERS(gate) -> gate[_pid] = true } }

/* src/section/names.c, remove_name
   | || named.st_ino != ours.st_ino || named.st_dev != ours.st_dev)
   | return unlinkat(directory, name, 0) == 0 ? 0 : EACCES; */
inline remove_name()
{
  done = name == MINE;
  if
  :: done -> atomic { assert(!uses[B] && !uses[C] && name == MINE); name = NONE }
  :: else
  fi;
  done = false
}

/* src/section/names.c, life_inside
   | if (fstat(file, &status) != 0 || status.st_nlink == 0)
   | *failed = begin_to_use(file);
   | if (*failed || has_users(file))
   | *failed = remove_name(directory, name, file);
   `done`: alive, and used. */
inline life_inside()
{
#ifdef BUG_NAME_NOT_LOOKED_AT
  done = true;
#else
  done = name == MINE;
#endif
  if
  :: done ->
     use[_pid] = true;
     atomic {
#ifdef BUG_KILLED_WHILE_REMOVING
       done = OTHERS(use) || waited;
#else
       done = OTHERS(use);
#endif
       if
       :: done -> count_as_user()
       :: else
       fi
     };
     if
     :: done
     :: else -> remove_name()
     fi
  :: else
  fi
}

/* src/section/names.c, open_alive
   | *file = open_file(directory, name, flags & SA_SECTION_READ_ONLY ? O_RDONLY : O_RDWR);
   src/section/names.c, life_of
   | *failed = enter_gate(file, TO_OPEN);
   | enum life life = life_inside(directory, name, file, failed);
   | leave_gate(file);
   `done`: open, alive, and used. If there is none, MINE is NONE; else it is to be looked for again. So
   it is, by whoever calls, when another stayed inside the gate for too long. */
inline open_alive()
{
  done = false;
  MINE = name;
  if
  :: MINE == NONE
  :: else ->
#ifdef BUG_KILLED_WHILE_REMOVING
     waited = OTHERS(gate);
#endif
     if
     :: enter_gate(); life_inside(); gate[_pid] = false
     :: OTHERS(gate)
     fi;
     if
     :: done
     :: else -> close_file(); again = true
     fi
  fi
}

/* src/section/names.c, make_file
   | failed = begin_to_use(*file);
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
#ifndef BUG_LINKED_BEFORE_USED
  use[_pid] = true;
#endif
  atomic {
    done = name == NONE;
    if
    :: done ->
       name = MINE;
#ifndef BUG_LINKED_BEFORE_USED
       count_as_user()
#endif
    :: else
    fi
  };
#ifdef BUG_LINKED_BEFORE_USED
  if
  :: done -> atomic { use[_pid] = true; count_as_user() }
  :: else
  fi;
#endif
  if
  :: done
  :: else -> close_file()
  fi
}

/* src/section/names.c, sa_name_leave
   | end_to_use(file);
   | remove_unused(directory, name, file, TO_LEAVE);
   | close(file);
   src/section/names.c, remove_unused
   | if (!has_users(file) && enter_gate(file, patience) == 0 && !has_users(file))
   | remove_name(directory, name, file); */
inline leave()
{
#ifndef BUG_USE_ENDS_LAST
  end_to_use();
#endif
  done = !OTHERS(use);
#ifdef BUG_REMOVED_WITHOUT_LOOK
  done = true;
#endif
  if
  :: done ->
#ifndef BUG_REMOVED_OUTSIDE_OF_GATE
     enter_gate();
#endif
#ifndef BUG_REMOVED_WITHOUT_LOOK
     done = !OTHERS(use);
#endif
     if
     :: done -> remove_name()
     :: else
     fi
  :: else
  fi;
  close_file()
}

/* src/section/names.c, make_or_open
   | failed = open_alive(directory, name, flags, file);
   | failed = make_named(directory, name, size, flags, file);
   | } while (failed == EEXIST); */
active [3] proctype process()
{
  bool done, again;
#ifdef BUG_KILLED_WHILE_REMOVING
  bool waited;
#endif
  {
    do
    :: again = false;
       open_alive();
       if
       :: done -> break
       :: !done && again
       :: !done && !again -> make_named();
                             if
                             :: done -> break
                             :: else
                             fi
       fi
    od;
    leave()
  } unless { killed[_pid] };
  if
  :: MINE != NONE -> close_file()
  :: else
  fi;
  atomic {
    ended++;
    assert(ended < 3 || killed[0] || killed[1] || killed[2] || name == NONE)
  }
}

/* Some of them, at any time. */
active proctype killer()
{
  if :: killed[0] = true :: skip fi;
  if :: killed[1] = true :: skip fi;
  if :: killed[2] = true :: skip fi
}
