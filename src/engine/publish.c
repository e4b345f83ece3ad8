/* STUBALLOC=publish=on */
#include "engine/publish.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "engine/engine.h"
#include "os/os.h"
#include "stuballoc/stats.h"

static struct sa_published *published;

/* What does not fit is cut; then it is no JSON, and a reader keeps what it has. */
static void
append(void *context, const char *text, size_t length)
{
  struct sa_published *to = context;
  size_t               room = SA_PUBLISHED - sizeof *to - to->length;
  length = length < room ? length : room;
  memcpy(to->text + to->length, text, length);
  to->length += length;
}

/* The fences order the sequence with what stands between. */
static void
publish(void)
{
  struct sa_published *to = published;
  uint64_t             sequence = atomic_load_explicit(&to->sequence, memory_order_relaxed);
  atomic_store_explicit(&to->sequence, sequence + 1, memory_order_relaxed);
  atomic_thread_fence(memory_order_release);
  to->nanoseconds = sa_os_nanoseconds();
  to->length = 0;
  (void)sa_write_stats(SA_STATS_JSON, append, to); /* else the text stays empty */
  atomic_store_explicit(&to->sequence, sequence + 2, memory_order_release);
}

void
sa_publish_begin(void)
{
  if (!sa_options.publish)
    return;
  published = sa_os_publish(SA_PUBLISHED);
  if (!published) {
    sa_say("publish=on: %s", strerror(errno));
    return;
  }
  published->process = (uint64_t)getpid();
  sa_os_program(published->program, sizeof published->program);
  publish();
  atomic_thread_fence(memory_order_release);
  memcpy(published->magic, "sastats1", sizeof published->magic);
  if (!sa_os_each_second(publish))
    sa_say("publish=on: no thread to renew the figures");
}
