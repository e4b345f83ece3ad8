/*
 * A blob is handed over by a remote call to a client that reads every byte of it:
 *
 *   rpc_blob PROTOCOL ENDPOINT WAY "blob BYTES"
 *
 * WAY: `section`, where the client is told where it lies in a section that it has open; `opened`, the
 * same in one that it opens, maps and closes each time; `marshalled`. The server has the blob ready.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stuballoc/section.h>

#include "blob.h"
#include "expect.h"
#include "measure.h"
#include "rpc_memory.h"
#include "runtime.h"

enum { NUMBER = 7 };

struct blob {
  const char *workload;
  measured   *hand_over;
  handle_t    binding;
  whole       size;
  lending     lent;
  sa_section *section; /* that is open all the time */
  pixel      *bytes;   /* where they are received */
};

static place
locate(struct blob *blob)
{
  place where = {0};
  catalog_lend(blob->binding, NUMBER, blob->size, &blob->lent, &where);
  expect(where.section && where.length == blob->size);
  return where;
}

static sa_section *
open_section(const place *where, void **view)
{
  sa_section *section = sa_section_open((const char *)where->section, SA_SECTION_READ_ONLY);
  expect(section);
  *view = sa_section_map(section, NULL, 0, sa_section_size(section), SA_VIEW_READ);
  expect(*view);
  return section;
}

static void
read_in_place(sa_section *section, const place *where)
{
  const size_t length = (size_t)where->length;
  const void  *bytes = sa_section_range(section, (uint64_t)where->offset, length);
  expect(bytes);
  read_all_bytes(bytes, length);
}

static void
by_section(void *context, size_t count)
{
  struct blob *blob = context;
  while (count-- > 0) {
    memory_begin();
    const place where = locate(blob);
    read_in_place(blob->section, &where);
    memory_end();
  }
}

static void
by_opening(void *context, size_t count)
{
  struct blob *blob = context;
  while (count-- > 0) {
    void *view;
    memory_begin();
    const place where = locate(blob);
    sa_section *section = open_section(&where, &view);
    read_in_place(section, &where);
    sa_view_unmap(view);
    sa_section_close(section);
    memory_end();
  }
}

static void
by_reply(void *context, size_t count)
{
  struct blob *blob = context;
  while (count-- > 0) {
    memory_begin();
    catalog_read(blob->lent, 0, blob->size, blob->bytes);
    read_all_bytes(blob->bytes, (size_t)blob->size);
    memory_end();
  }
}

static const struct way {
  const char *name;
  measured   *hand_over;
} ways[] = {{"section", by_section}, {"opened", by_opening}, {"marshalled", by_reply}};

static measured *
way_of(const char *name)
{
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
    if (strcmp(ways[i].name, name) == 0)
      return ways[i].hand_over;
  return NULL;
}

static void
measure_blob(void *context)
{
  struct blob *blob = context;
  void        *view;
  memory_begin();
  const place where = locate(blob);
  blob->section = open_section(&where, &view);
  memory_end();
  report(blob->workload, "", "us", measure(CLOCK_MONOTONIC, blob->hand_over, blob) / 1000);
  catalog_return(&blob->lent);
  sa_view_unmap(view);
  sa_section_close(blob->section);
}

int
main(int argc, char **argv)
{
  struct blob blob = {.hand_over = argc == 5 ? way_of(argv[3]) : NULL};
  if (!blob.hand_over) {
    fprintf(stderr, "usage: %s PROTOCOL ENDPOINT WAY 'blob BYTES'\n", argv[0]);
    return 2;
  }
  blob.workload = argv[4];
  blob.size = (whole)blob_size(argv[4]);
  blob.bytes = malloc((size_t)blob.size);
  blob.binding = runtime_bind(argv[1], argv[2]);
  if (!blob.bytes || !blob.binding)
    return 1;
  enum outcome outcome = runtime_try(measure_blob, &blob);
  runtime_unbind(blob.binding);
  free(blob.bytes);
  return outcome == DONE ? 0 : 1;
}
