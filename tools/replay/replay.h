/*
 * The program that stuballoc-replay runs for each allocator and round: it does once more what a trace
 * tells.
 *
 * THE MODEL
 *
 * reader.c maps the file, checks it, and hands out each thread's events one by one. plan.c puts all of
 * them in one order (engine/trace_file.h says why that can be done) and makes a list of steps for each
 * thread. A step speaks of blocks by places in a table, and of scopes likewise. The steps are all that
 * is left of the trace when run.c does them, each thread's on a thread of its own, by an allocator.
 *
 * A block that another thread frees than allocated has a place of its own; so who frees it waits until
 * there is something. Other places are used again by the same thread. What several threads do to one
 * scope is done in turns, as it was. Beyond that, threads keep together by epochs, of so many steps of
 * all of them: none begins one before all have done those that are `lead` before it. So memory is
 * needed as it was when the trace was recorded.
 *
 * Nothing here is allocated but in pages straight from the system, so that the allocator sees the
 * blocks of the trace alone.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef REPLAY_H
#define REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/trace_file.h"

/* --- system.c --------------------------------------------------------------------------------- */

/* Says why, on one line, and ends the program. */
__attribute__((format(printf, 1, 2))) _Noreturn void die(const char *format, ...);
/* Zeroed pages; and an array grown to hold one more at least. */
void *pages(size_t length);
void  pages_free(void *at, size_t length);
void  grow(void **array, size_t *room, size_t count, size_t size);
#define GROW(array, room, count) grow((void **)&(array), &(room), (count), sizeof *(array))
/* The number behind a word in a file, such as those of /proc; 0: there is none. */
size_t number_in(const char *path, const char *word);
/* How many bytes there are for this process. */
uint64_t memory_there(void);

/* --- reader.c --------------------------------------------------------------------------------- */

/* `what` is one of enum sa_trace_code, or one of these: */
enum { EVENT_ALLOC = SA_TRACE_CODES, EVENT_FREE };

struct event {
  unsigned what;
  unsigned low; /* alignment's log2, an operation's name, a scope's name + 1 */
  uint64_t size;
  uint64_t address;
  uint64_t other; /* a second address, or the operation */
  uint64_t stamp;
};

struct reader; /* of a thread */

struct trace {
  struct sa_trace_header header;
  size_t                 threads;
  struct reader         *readers;
  const uint8_t         *bytes;
  size_t                 length;
};

void trace_open(struct trace *trace, const char *path);
void trace_close(struct trace *trace);
/* Rather at once than when half of the plan has been made. */
void trace_refuse_too_long(struct trace *trace);
/* The next event of a thread, numbered from 0; false: there is none. */
bool trace_next(struct trace *trace, size_t thread, struct event *event);
/* A name that the thread gave. */
const char *trace_name(const struct trace *trace, size_t thread, unsigned place);

/* --- table.c: from addresses to numbers ------------------------------------------------------- */

struct table {
  struct entry *entries;
  size_t        room, count;
};

enum { NOTHING = UINT32_MAX };

/* NOTHING: it is not there. */
uint32_t table_get(const struct table *table, uint64_t address);
void     table_put(struct table *table, uint64_t address, uint32_t number);
void     table_remove(struct table *table, uint64_t address);
void     table_free(struct table *table);
/* The number in a place from 0 to `room` - 1; or NOTHING. */
uint32_t table_at(const struct table *table, size_t index);

/* --- plan.c ----------------------------------------------------------------------------------- */

enum step_code {
  STEP_MALLOC,
  STEP_CALLOC,
  STEP_ALIGNED,
  STEP_FREE,
  STEP_REALLOC,
  STEP_CREATE,
  STEP_ENTER,
  STEP_LEAVE,
  STEP_DESTROY,
  STEP_ALLOC, /* in the scope that the thread is in */
  STEP_INTO,  /* in that scope */
  STEP_KEEP,
  STEP_EPOCH, /* begins: `place` */
};

struct step {
  uint8_t  code;
  uint8_t  alignment; /* log2 */
  bool     shared;    /* another thread has to do with that block, too */
  uint32_t place;     /* of the block */
  uint32_t scope;     /* NOTHING: none of which the order matters */
  uint32_t turn;      /* of what is done to the scope */
  uint64_t size;
};

struct list {
  struct step *steps;
  size_t       count, room;
  uint32_t     first_epoch;
};

/* What the trace says of itself, in its order. */
struct summary {
  uint64_t allocs, frees, reallocs, calls, scopes, zeroed, aligned, kept;
  uint64_t cross;     /* blocks freed by another thread than allocated them */
  uint64_t unmatched; /* events that did not fit to the others */
  uint64_t live, peak_live, peak_blocks, blocks;
  size_t   sizes[65]; /* blocks of up to 2^n bytes, and more than half of that */
  uint64_t began, ended;
};

struct plan {
  struct list   *lists;
  size_t         threads;
  size_t         steps; /* of all */
  uint32_t       places;
  uint32_t       scopes;
  uint32_t       epochs;
  uint32_t      *left;    /* of each epoch, threads that have not done it */
  size_t        *live;    /* at the end of each, bytes */
  uint32_t      *remains; /* places of the blocks that are left in the end */
  size_t         remain;
  uint32_t      *open; /* scopes that are */
  size_t         opened;
  struct summary summary;
};

struct operation {
  char     name[SA_TRACE_NAME];
  uint64_t number;
  uint64_t calls, blocks, bytes;
};

/* `scoped`: steps for scopes; else a scope's end is a free of each block. About `epochs` of them, but
 * none of less than `least` steps. */
void plan_make(struct plan *plan, struct trace *trace, bool scoped, size_t epochs, size_t least);
/* Of each operation, what is known after plan_make. */
const struct operation *plan_operations(size_t *count);

/* --- run.c ------------------------------------------------------------------------------------ */

struct allocator {
  const char *name;
  bool        scoped;
  void *(*malloc)(size_t size);
  void *(*calloc)(size_t count, size_t size);
  void *(*aligned)(size_t alignment, size_t size);
  void *(*realloc)(void *block, size_t size);
  void (*free)(void *block);
};

/* Gets ready for a plan, all memory that it takes included, once. */
void run_prepare(const struct plan *plan, const struct allocator *allocator);
/* Does it. `lead`: see above; `sample` is called after each epoch, if it is there. Returns nanoseconds.
 * What remains in the end is freed, which does not count. */
uint64_t run(uint32_t lead, void (*sample)(uint32_t epoch));

#endif
