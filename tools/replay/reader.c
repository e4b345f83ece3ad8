/* A trace's file: whether it is whole, and what its threads say. */
#define _GNU_SOURCE
#include "replay.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct reader {
  uint32_t             number;   /* in the file */
  size_t              *segments; /* where each begins */
  size_t               count, room;
  size_t               next;     /* segment */
  const uint8_t       *at, *end; /* of the events left in this one */
  struct sa_trace_near near;
  char                 names[SA_TRACE_NAMES][SA_TRACE_NAME];
};

static const char *path;

/* --- the file --------------------------------------------------------------------------------- */

static void
map(struct trace *trace)
{
  struct stat status;
  int         file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0 || fstat(file, &status) != 0)
    die("%s: %s", path, strerror(errno));
  if (!S_ISREG(status.st_mode) || status.st_size < (off_t)sizeof trace->header)
    die("%s is no trace", path);
  trace->length = (size_t)status.st_size;
  void *bytes = mmap(NULL, trace->length, PROT_READ, MAP_PRIVATE, file, 0);
  if (bytes == MAP_FAILED)
    die("%s: %s", path, strerror(errno));
  close(file);
  trace->bytes = bytes;
}

static void
check_header(struct trace *trace)
{
  struct sa_trace_header *header = &trace->header;
  memcpy(header, trace->bytes, sizeof *header);
  header->program[sizeof header->program - 1] = '\0';
  if (memcmp(header->magic, SA_TRACE_MAGIC, sizeof header->magic) != 0)
    die("%s is no trace", path);
  if (header->bytes != SA_TRACE_BYTES)
    die("%s was recorded on a machine with another order of bytes", path);
  if (header->version != SA_TRACE_VERSION)
    die("%s is a trace of version %u; this program knows version %d", path, header->version,
        SA_TRACE_VERSION);
}

static struct reader *
reader_of(struct trace *trace, struct table *numbers, size_t *room, uint32_t number)
{
  uint32_t found = table_get(numbers, (uint64_t)number << 4);
  if (found == NOTHING) {
    found = (uint32_t)trace->threads++;
    GROW(trace->readers, *room, trace->threads);
    trace->readers[found] = (struct reader){.number = number};
    table_put(numbers, (uint64_t)number << 4, found);
  }
  return &trace->readers[found];
}

/* Says how far it is read, when it ends in the middle of a segment. */
static void
say_truncated(size_t at, size_t length)
{
  fprintf(stderr, "stuballoc-replay: %s ends too early; the last %zu bytes are left out\n", path,
          length - at);
}

static void
index_segments(struct trace *trace)
{
  struct sa_trace_segment segment;
  struct table            numbers = {0};
  size_t                  room = 0, at = sizeof trace->header;
  for (; at < trace->length; at += sizeof segment + segment.length) {
    size_t left = trace->length - at;
    if (left >= sizeof segment)
      memcpy(&segment, trace->bytes + at, sizeof segment);
    if (left >= sizeof segment
        && (segment.magic != SA_TRACE_SEGMENT || segment.length > SA_TRACE_MOST))
      die("%s is damaged at byte %zu", path, at);
    if (left < sizeof segment || left - sizeof segment < segment.length) {
      say_truncated(at, trace->length);
      break;
    }
    if (segment.sum != sa_trace_sum(&segment, trace->bytes + at + sizeof segment))
      die("%s is damaged at byte %zu", path, at);
    struct reader *reader = reader_of(trace, &numbers, &room, segment.thread);
    if (segment.sequence != reader->count || (segment.sequence == 0 && !segment.fresh))
      die("%s lacks a part before byte %zu", path, at);
    GROW(reader->segments, reader->room, reader->count + 1);
    reader->segments[reader->count++] = at;
  }
  table_free(&numbers);
}

void
trace_open(struct trace *trace, const char *name)
{
  path = name;
  *trace = (struct trace){0};
  map(trace);
  check_header(trace);
  index_segments(trace);
}

void
trace_close(struct trace *trace)
{
  munmap((void *)(uintptr_t)trace->bytes, trace->length);
}

/* --- events ----------------------------------------------------------------------------------- */

static _Noreturn void
bad_event(const struct trace *trace, const struct reader *reader)
{
  die("%s is damaged before byte %zu", path, (size_t)(reader->at - trace->bytes));
}

static uint64_t
number(const struct trace *trace, struct reader *reader, size_t length)
{
  uint64_t value = 0;
  if ((size_t)(reader->end - reader->at) < length)
    bad_event(trace, reader);
  for (size_t i = 0; i < length; i++)
    value |= (uint64_t)*reader->at++ << 8 * i;
  return value;
}

static uint64_t
address(const struct trace *trace, struct reader *reader)
{
  return number(trace, reader, SA_TRACE_ADDRESS) << 4;
}

static unsigned
below(const struct trace *trace, struct reader *reader, unsigned value, unsigned limit)
{
  if (value >= limit)
    bad_event(trace, reader);
  return value;
}

static void
take_name(const struct trace *trace, struct reader *reader, unsigned place)
{
  char *name = reader->names[below(trace, reader, place, SA_TRACE_NAMES)];
  for (size_t i = 0; i < SA_TRACE_NAME; i++)
    name[i] = (char)number(trace, reader, 1);
  name[SA_TRACE_NAME - 1] = '\0';
}

/* Of a slot that has one. */
static uint64_t
size_in(const struct trace *trace, struct reader *reader, unsigned slot)
{
  uint64_t size = reader->near.size[below(trace, reader, slot, SA_TRACE_SLOTS)];
  if (size == UINT64_MAX)
    bad_event(trace, reader);
  return size;
}

static uint64_t
near_address(struct reader *reader, unsigned cls, unsigned low)
{
  int64_t steps = (int8_t)low;
  reader->near.last[cls] += (uint64_t)steps << sa_trace_step(cls);
  return reader->near.last[cls];
}

static void
read_alloc(const struct trace *trace, struct reader *reader, struct event *event, unsigned slot)
{
  event->what = EVENT_ALLOC;
  event->size = size_in(trace, reader, slot);
  if (event->size > SA_CLASS_MAX)
    bad_event(trace, reader);
  event->address = near_address(reader, sa_class_of(event->size), event->low);
}

static void
read_far(const struct trace *trace, struct reader *reader, struct event *event)
{
  event->what = EVENT_ALLOC;
  event->size = size_in(trace, reader, event->low);
  event->address = address(trace, reader);
  if (event->size <= SA_CLASS_MAX)
    reader->near.last[sa_class_of(event->size)] = event->address;
}

static void
read_free_beside(struct reader *reader, struct event *event)
{
  int64_t steps = (int8_t)event->low;
  event->what = EVENT_FREE;
  event->address = reader->near.freed += (uint64_t)steps << 4;
}

static void
read_free_near(const struct trace *trace, struct reader *reader, struct event *event)
{
  int64_t high = (int8_t)event->low;
  int64_t steps = (int64_t)((uint64_t)high << 16 | number(trace, reader, 2));
  event->what = EVENT_FREE;
  event->address = reader->near.freed += (uint64_t)steps << 4;
}

static void
read_free_far(const struct trace *trace, struct reader *reader, struct event *event)
{
  event->what = EVENT_FREE;
  event->address = address(trace, reader);
  if (event->low > 0)
    reader->near.last[below(trace, reader, event->low - 1, SA_CLASSES)] = event->address;
  else
    reader->near.freed = event->address;
}

static void
read_in_scope(const struct trace *trace, struct reader *reader, struct event *event)
{
  event->size = size_in(trace, reader, event->low);
  event->address = reader->near.next;
  if (event->what == SA_TRACE_IN_SCOPE_NEAR)
    event->address += (uint64_t)(int16_t)number(trace, reader, 2) << 4;
  else if (event->what == SA_TRACE_IN_SCOPE_FAR)
    event->address = address(trace, reader);
  event->what = SA_TRACE_IN_SCOPE;
  sa_trace_expect(&reader->near, event->address, event->size);
}

static void
read_create(const struct trace *trace, struct reader *reader, struct event *event, bool again)
{
  event->what = SA_TRACE_CREATE;
  below(trace, reader, event->low, SA_TRACE_NAMES + 1);
  event->address = again ? reader->near.created : address(trace, reader);
  sa_trace_created(&reader->near, event->address);
}

/* False: it was none that anybody but the reader must know. */
static bool
read_special(const struct trace *trace, struct reader *reader, struct event *event)
{
  switch (event->what) {
  case SA_TRACE_SIZE:
    below(trace, reader, event->low, SA_TRACE_SLOTS);
    reader->near.size[event->low] = number(trace, reader, 8);
    return false;
  case SA_TRACE_STAMP:
    reader->near.stamp += number(trace, reader, SA_TRACE_ADDRESS);
    return false;
  case SA_TRACE_NAMED:
    take_name(trace, reader, event->low);
    return false;
  case SA_TRACE_FAR:
    read_far(trace, reader, event);
    break;
  case SA_TRACE_FREE_BESIDE:
    read_free_beside(reader, event);
    break;
  case SA_TRACE_FREE_NEAR:
    read_free_near(trace, reader, event);
    break;
  case SA_TRACE_FREE_FAR:
    read_free_far(trace, reader, event);
    break;
  case SA_TRACE_IN_SCOPE:
  case SA_TRACE_IN_SCOPE_NEAR:
  case SA_TRACE_IN_SCOPE_FAR:
    read_in_scope(trace, reader, event);
    break;
  case SA_TRACE_INTO:
  case SA_TRACE_REALLOC:
    event->size = size_in(trace, reader, event->low);
    event->address = address(trace, reader);
    event->other = address(trace, reader);
    break;
  case SA_TRACE_KEEP:
    event->address = address(trace, reader);
    event->other = address(trace, reader);
    break;
  case SA_TRACE_ALIGNED:
    below(trace, reader, event->low, 48);
    break;
  case SA_TRACE_CALL:
    below(trace, reader, event->low, SA_TRACE_NAMES);
    event->other = number(trace, reader, 4);
    break;
  case SA_TRACE_CREATE:
  case SA_TRACE_CREATE_AGAIN:
    read_create(trace, reader, event, event->what == SA_TRACE_CREATE_AGAIN);
    break;
  case SA_TRACE_ENTER:
  case SA_TRACE_LEAVE:
  case SA_TRACE_DESTROY:
    event->address = event->low ? reader->near.created : address(trace, reader);
    break;
  case SA_TRACE_ZEROED:
  case SA_TRACE_CALL_ENDS:
    break;
  default:
    bad_event(trace, reader);
  }
  return true;
}

static bool
read_event(const struct trace *trace, struct reader *reader, struct event *event)
{
  *event = (struct event){.low = (unsigned)number(trace, reader, 1)};
  unsigned code = (unsigned)number(trace, reader, 1);
  if (code < 128) {
    read_alloc(trace, reader, event, code);
    return true;
  }
  event->what = code - 128;
  if (event->what > SA_TRACE_FREE_LAST)
    return read_special(trace, reader, event);
  event->address = near_address(reader, event->what, event->low);
  event->what = EVENT_FREE;
  return true;
}

static bool
next_segment(const struct trace *trace, struct reader *reader)
{
  struct sa_trace_segment segment;
  if (reader->next == reader->count)
    return false;
  const uint8_t *at = trace->bytes + reader->segments[reader->next++];
  memcpy(&segment, at, sizeof segment);
  reader->at = at + sizeof segment;
  reader->end = reader->at + segment.length;
  if (segment.fresh) {
    sa_trace_forget(&reader->near);
    reader->near.stamp = segment.stamp;
  }
  return true;
}

bool
trace_next(struct trace *trace, size_t thread, struct event *event)
{
  struct reader *reader = &trace->readers[thread];
  do {
    while (reader->at == reader->end)
      if (!next_segment(trace, reader))
        return false;
  } while (!read_event(trace, reader, event));
  event->stamp = reader->near.stamp;
  return true;
}

/* And back to the beginning, where the first segment forgets what was near. */
static size_t
count_events(struct trace *trace)
{
  struct event event;
  size_t       count = 0;
  for (size_t thread = 0; thread < trace->threads; thread++) {
    while (trace_next(trace, thread, &event))
      count++;
    trace->readers[thread].next = 0;
  }
  return count;
}

void
trace_refuse_too_long(struct trace *trace)
{
  enum { TAKES = 100 }; /* bytes: a step, and half a block, in arrays that may be half empty */
  const size_t   count = count_events(trace);
  const uint64_t needed = (uint64_t)count * TAKES, there = memory_there();
  if (needed > there)
    die("%s has %zu events, which would take some %" PRIu64 " MiB of memory; there are %" PRIu64,
        path, count, needed >> 20, there >> 20);
}

const char *
trace_name(const struct trace *trace, size_t thread, unsigned place)
{
  return trace->readers[thread].names[place];
}
