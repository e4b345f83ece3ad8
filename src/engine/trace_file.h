/*
 * The file that STUBALLOC=trace=FILE writes, as its reader knows it, too (tools/replay).
 *
 * A header, then segments: what one thread has done in a while, in its order. The segments of a thread
 * are numbered; those of several threads stand in the file as they were written. All numbers are in the
 * order of bytes of the machine that wrote them.
 *
 * A segment consists of events, each of two bytes, `low` and `code`, and what the code says is behind them:
 *
 *   code 0 to 127    a block was allocated: of the size in that slot, `low` steps, from -128 to 127, away
 *                    from the last block of its class that this thread allocated or freed
 *   128 and a class  a block of that class was freed, likewise
 *   128 and more     another event, by the codes below
 *
 * So most events take two bytes. A step is 16 bytes for the classes up to 128, else the largest power
 * of two of which all their blocks' addresses are multiples. What the reader must remember to understand
 * this is a struct sa_trace_near. It is a thread's, and is set anew where a segment is `fresh`.
 *
 * Addresses are told in steps of 16 bytes, in six bytes.
 *
 * ORDER
 *
 * Reading a clock for each event would take longer than the event. So threads are put in order like
 * this: each event belongs to the last stamp before it in its thread, and may be thought to have
 * happened just then. For a thread writes a stamp whenever it gets hold of addresses that another thread
 * may have had before, between getting them and telling of the first; and whenever it frees what another
 * thread may have allocated, before it tells so. As for the rest, no other thread can have had to do
 * with the address since the stamp. Then, of events on one address, the earlier one is always taken
 * first, if an allocation waits until the address is free, and a free until there is a block.
 */
#ifndef SA_TRACE_FILE_H
#define SA_TRACE_FILE_H

#include <stdint.h>
#include <string.h>

#include "engine/classes.h"

#define SA_TRACE_MAGIC "satrace"

enum {
  SA_TRACE_VERSION = 1,
  SA_TRACE_BYTES = 0x01020304, /* in which order they are */
  SA_TRACE_SEGMENT = 0x47455353,
  SA_TRACE_MOST = 131072, /* bytes of a segment's events */
  SA_TRACE_LONGEST = 64,  /* that what is told at once takes at most */
  SA_TRACE_ADDRESS = 6,   /* bytes */
  SA_TRACE_SLOTS = 128,
  SA_TRACE_NAMES = 16,
  SA_TRACE_NAME = 32, /* bytes of a name, with the zero at its end */
};

struct sa_trace_header {
  char     magic[8]; /* SA_TRACE_MAGIC */
  uint32_t version;
  uint32_t bytes; /* SA_TRACE_BYTES */
  uint64_t process;
  uint64_t began; /* as the stamps */
  char     program[32];
};

struct sa_trace_segment {
  uint32_t magic;    /* SA_TRACE_SEGMENT */
  uint32_t thread;   /* from 1 on */
  uint32_t sequence; /* of the thread, from 0 on */
  uint32_t length;   /* of the events, which follow */
  uint64_t stamp;    /* of a fresh one: nanoseconds, since any point */
  uint32_t fresh;    /* the thread has forgotten what it was near */
  uint32_t sum;      /* of all that, with 0 in this place, and of the events */
};

_Static_assert(sizeof(struct sa_trace_header) == 64 && sizeof(struct sa_trace_segment) == 32,
               "no gaps");

/* With 128 added; what `low` is, and what follows. */
enum sa_trace_code {
  SA_TRACE_FREE_LAST = SA_CLASSES - 1,
  SA_TRACE_SIZE,         /* slot: the size in it from now on, 8 bytes */
  SA_TRACE_FAR,          /* slot: a block was allocated: address */
  SA_TRACE_FREE_BESIDE,  /* so many steps of 16 bytes away from the last one freed of no class */
  SA_TRACE_FREE_NEAR,    /* the same; the highest byte of three, the others */
  SA_TRACE_FREE_FAR,     /* class + 1, or 0: address */
  SA_TRACE_IN_SCOPE,     /* slot: in the thread's scope, where it was expected */
  SA_TRACE_IN_SCOPE_FAR, /* slot: address */
  SA_TRACE_INTO,         /* slot: in any scope: address, scope */
  SA_TRACE_ZEROED,       /* 0: the next block to be allocated is zeroed */
  SA_TRACE_ALIGNED,      /* log2 of its alignment */
  SA_TRACE_REALLOC,      /* slot: address before, address now */
  SA_TRACE_KEEP,         /* 0: address before, address now, that is none of a scope's any more */
  SA_TRACE_STAMP,        /* 0: nanoseconds since the last one, 6 bytes */
  SA_TRACE_NAMED,        /* place: the name there from now on, SA_TRACE_NAME bytes */
  SA_TRACE_CALL,         /* place of the interface's name: operation, 4 bytes */
  SA_TRACE_CALL_ENDS,    /* 0 */
  SA_TRACE_CREATE,       /* place of its name + 1, or 0: address of the scope */
  SA_TRACE_CREATE_AGAIN, /* the same, at the address of the last one */
  SA_TRACE_ENTER,        /* 1: the scope created last; 0: address */
  SA_TRACE_LEAVE,        /* likewise */
  SA_TRACE_DESTROY,      /* likewise */
  SA_TRACE_IN_SCOPE_NEAR, /* slot: in the thread's scope, so many steps of 16 bytes away from where it was
                             expected, 2 bytes */
  SA_TRACE_CODES
};

/* Both sides keep this alike. */
struct sa_trace_near {
  uint64_t last[SA_CLASSES];     /* the last address of each class */
  uint64_t size[SA_TRACE_SLOTS]; /* UINT64_MAX: none */
  uint64_t next;                 /* where the next block in a scope is expected, */
  uint64_t first;                /* and where the first one of a new scope is */
  uint64_t freed;                /* the last one freed that was of no class */
  uint64_t created;              /* the scope created last */
  uint64_t stamp;
  uint32_t is_first; /* no block was allocated in it yet */
};

static inline void
sa_trace_forget(struct sa_trace_near *near)
{
  memset(near, 0, sizeof *near);
  memset(near->size, 0xff, sizeof near->size);
}

static inline unsigned
sa_trace_slot(uint64_t size)
{
  return (uint32_t)size * UINT32_C(0x9e3779b1) >> 25;
}

/* log2 of the bytes of a step. */
static inline unsigned
sa_trace_step(unsigned cls)
{
  return cls < 8 ? 4 : 3 + cls / 8;
}

static inline void
sa_trace_created(struct sa_trace_near *near, uint64_t scope)
{
  near->created = scope;
  near->next = near->first;
  near->is_first = 1;
}

/* After a block in the thread's scope. */
static inline void
sa_trace_expect(struct sa_trace_near *near, uint64_t block, uint64_t size)
{
  if (near->is_first)
    near->first = block;
  near->is_first = 0;
  near->next = block + (size + !size + 15) / 16 * 16;
}

/* So that damage is seen, whatever it is. Four sums side by side, since a processor can. */
static inline void
sa_trace_add(uint64_t sums[4], const void *four_words)
{
  uint64_t words[4];
  memcpy(words, four_words, sizeof words);
  for (int i = 0; i < 4; i++)
    sums[i] = (sums[i] << 5 | sums[i] >> 59) + words[i];
}

static inline uint64_t
sa_trace_add_up(uint64_t sum, const void *at, size_t length)
{
  const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
  uint64_t       sums[4] = {sum, 1, 2, 3};
  const char    *bytes = at;
  char           rest[32] = {0};
  for (; length >= sizeof rest; length -= sizeof rest, bytes += sizeof rest)
    sa_trace_add(sums, bytes);
  memcpy(rest, bytes, length);
  sa_trace_add(sums, rest);
  for (int i = 1; i < 4; i++)
    sums[0] = (sums[0] ^ sums[0] >> 29) * odd + sums[i];
  return (sums[0] ^ sums[0] >> 32) * odd;
}

static inline uint32_t
sa_trace_sum(const struct sa_trace_segment *segment, const void *events)
{
  struct sa_trace_segment without = *segment;
  without.sum = 0;
  uint64_t sum = sa_trace_add_up(1, &without, sizeof without);
  sum = sa_trace_add_up(sum, events, segment->length);
  return (uint32_t)(sum >> 32);
}

#endif
