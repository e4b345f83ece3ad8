/*
 * Sections: memory that several processes share.
 *
 * THE MODEL
 *
 * A section is an object of the system: a file in memory, a file, on Windows a file mapping. A
 * struct sa_section is this process's handle of one, and holds it by `backing`. The handle that the
 * user has, each view, and the scopes in the section together, count as its users; with the last
 * one the backing is closed. Handles and views stand in lists that one lock guards; nothing here is
 * a fast path. Sections are below nobody but os/, so a scope knows one only as the struct sa_source
 * that it begins with.
 *
 * NAMES, where the system has none that go with their last user (POSIX; names.c)
 *
 * A name is a file in /dev/shm, stuballoc-UID.NAME, or stuballoc.NAME if others than the user may
 * open it. Its life is that of locks which belong to an open file description, and which the kernel
 * drops with it, however its process ends. There are two:
 *
 *   - Who uses the section holds a shared record lock on one byte, all the time from before he knows
 *     that it is alive; anybody can ask whether somebody holds it.
 *   - The gate is an exclusive flock, held for a few calls. Only who is inside may begin to use a
 *     section that has a name, or take the name away. If he is killed there, his use goes with the
 *     gate, and the next one looks again.
 *   - A file is made without a name, complete, and used; then it is linked. So there is no half-made
 *     section, and of two who link at once, one finds that it exists.
 *   - Who leaves ends his use first. If then there is no user, he goes through the gate, and if there
 *     still is none, he removes the name.
 *   - Who opens waits for the gate, begins his use, and looks whether he is the only user. If so, the
 *     last one was killed, the section is gone, and he removes the name. Every create and open does the
 *     same for all names that there are, where he need not wait.
 *   - Who finds inside the gate that the file has no name any more looks again.
 *
 * Nobody waits for the gate for ever, lest one who was stopped inside, or means harm, makes a program
 * hang. After a second, an open fails with EBUSY. A leave does without the gate after a tenth of one;
 * then the next create or open removes the name.
 *
 * A fork would share the open file description, and so the locks, with the child. So one of its own is
 * made for the child before the fork (fork.c).
 *
 * SCOPES (units.c)
 *
 * Units of 64 KiB are handed out to the processes' scopes by record locks on bytes that lie far
 * behind the end of any file: one for a unit, by an open file description of the process's own. The
 * kernel knows who has which and gives back what a dead process had. Nothing about it stands in the
 * section, so there is nothing there that a process could spoil, or leave half done. On Windows a
 * unit is an event object of a name made of the section's and the unit's number, which only one can
 * have created; of a file, a lock on it as well.
 *
 * As long as the user has the handle, the view that scopes use stays, and so do some units that are
 * needed no more: so a scope costs no system call once warm.
 */
#ifndef SA_SECTION_H
#define SA_SECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/os.h"
#include "os/source.h"
#include "stuballoc/section.h"

#pragma GCC visibility push(hidden)

/* --- the system's part: posix.c and names.c, or windows.c ------------------------------------- */

enum { SA_FILE_NAME = 256 };

/* Set before anybody else sees it, but for what the fork changes. */
struct sa_backing {
  intptr_t  object;    /* a descriptor; on Windows the file mapping */
  intptr_t  claims;    /* the descriptor that has the record locks, on Windows the file; -1: none */
  intptr_t *events;    /* on Windows, one for each unit, 0 or a handle; else NULL */
  intptr_t  for_child; /* the descriptor that the child of a fork is to have; -1: none */
  size_t    page;
  bool      may_shrink;
  bool      prefers_large;
  char      file[SA_FILE_NAME]; /* what its name is to the system; empty: none */
};

/* These return 0 or an errno value. `size` is what is wanted, and set to what there is. */
int  sa_backing_create(struct sa_backing *backing, const char *name, uint64_t *size, unsigned flags,
                       bool *existed);
int  sa_backing_create_file(struct sa_backing *backing, const char *path, uint64_t size,
                            unsigned flags);
int  sa_backing_open(struct sa_backing *backing, const char *name, uint64_t *size, unsigned flags);
int  sa_backing_adopt(struct sa_backing *backing, intptr_t descriptor, uint64_t *size,
                      unsigned flags);
void sa_backing_close(struct sa_backing *backing);
/* Whether there still are `end` bytes of it: else ENODATA. */
int sa_backing_check(const struct sa_backing *backing, uint64_t end);
/* What is at `at` must be nothing, or, if `ours`, a reservation of this process. */
int sa_backing_map(const struct sa_backing *backing, void *at, uint64_t offset, size_t length,
                   unsigned access, void **view);
int sa_backing_map_units(const struct sa_backing *backing, size_t length, void **view);
int sa_backing_unmap(const struct sa_backing *backing, void *view, size_t length);
int sa_backing_flush(const struct sa_backing *backing, void *at, size_t length, bool durable);
int sa_backing_hint(void *at, size_t length, unsigned hint, bool is_copy);
int sa_backing_resident(void *at, size_t length, size_t *resident);

/* Makes this process ready to claim units, of which there are so many; undoes it. */
int  sa_backing_open_claims(struct sa_backing *backing, size_t units);
void sa_backing_close_claims(struct sa_backing *backing, size_t units);
/* All of the units, or none. */
bool sa_backing_claim(struct sa_backing *backing, size_t first, size_t units);
void sa_backing_disclaim(struct sa_backing *backing, size_t first, size_t units);
/* Where to look on after a claim that failed: the unit behind what is in its way. */
size_t sa_backing_behind(const struct sa_backing *backing, size_t first, size_t units);

/* --- section.c: handles ----------------------------------------------------------------------- */

struct sa_section {
  struct sa_source  source; /* first, since a scope knows the section by it */
  struct sa_backing backing;
  uint64_t          size;
  unsigned          flags;
  /* The lock guards the rest. */
  size_t             users;
  bool               has_handle; /* of its user */
  struct sa_section *next;
  /* What units.c keeps. */
  size_t         scopes;  /* that hold the source */
  unsigned       process; /* which claimed the units; another one is a fork's parent */
  unsigned char *states;  /* of units */
  size_t         idle;    /* units that are claimed and not out */
  size_t         most_idle;
  size_t         claim_next; /* where to look for the next one to claim */
  char           name[];     /* for messages */
};

/* This process, counted from fork to fork; 0 while it forks. Under the lock. */
extern unsigned sa_section_process;

/* Held for short, and by one who has it more often than once where a fork's child tidies up. */
void sa_section_lock(void);
void sa_section_unlock(void);
/* The list of all; under the lock. */
struct sa_section *sa_section_first(void);

/* One user more, under the lock; and one less, outside of it. errno is kept. */
void sa_section_use(struct sa_section *section);
void sa_section_drop(struct sa_section *section);

/* Sets errno. */
void *sa_section_no(int error);
int   sa_section_failed(int error);

/* --- view.c ----------------------------------------------------------------------------------- */

struct sa_view {
  char              *start;
  size_t             length;
  uint64_t           offset;
  unsigned           access;
  struct sa_section *section;
  struct sa_view    *next;
};

/* Lists a view, for which the section gets a user. */
int sa_view_add(struct sa_section *section, void *start, uint64_t offset, size_t length,
                unsigned access);
/* The view that an address is in; NULL: none. Under the lock. */
struct sa_view *sa_view_at(const void *address);

/* --- units.c: the section as a source --------------------------------------------------------- */

void sa_section_become_source(struct sa_section *section);
/* Gives up what is kept for scopes to come, if there are none. Under the lock. */
void sa_section_give_up_units(struct sa_section *section);

/* --- fork.c and fault.c, on POSIX ------------------------------------------------------------- */

void sa_section_watch_forks(void);
void sa_section_watch_faults(void);

#pragma GCC visibility pop

#endif
