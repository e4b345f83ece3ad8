/*
 * What a section costs, and saves.
 *
 * work_section WAY "blob BYTES"     a blob is handed to another process, which reads every byte of it
 *                                   and says so. WAY: `section`, one that it has open, in which the
 *                                   blob is; `copied`, the same, into which the blob is copied first;
 *                                   `opened`, one that it opens, maps and closes each time; `socket`,
 *                                   through a Unix socket; `memcpy`, nothing but one copy, within one
 *                                   process
 * work_section WHERE "scoped WHAT"  blocks of a scope in `engine` or `section`. WHAT: `alloc`, one
 *                                   block of a thousand in a scope of their own; `pair`, one that is
 *                                   freed at once; `call`, a scope with 10 blocks
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stuballoc/section.h>

#include "blob.h"
#include "measure.h"

enum { ROOM_FOR_SCOPES = 16 << 20 };

static void *
or_abort(void *pointer)
{
  if (!pointer) {
    perror("work_section");
    abort();
  }
  return pointer;
}

/* --- blobs ------------------------------------------------------------------------------------ */

/* All that a process has of it. */
struct blob {
  size_t      size;
  char       *bytes;  /* that are to be handed over, or were read */
  char       *shared; /* in the section */
  sa_section *section;
  char        name[64];
  int         other; /* the socket to the other process */
};

static void
send_bytes(int to, const void *bytes, size_t size)
{
  ssize_t sent;
  for (size_t done = 0; done < size; done += (size_t)sent)
    if ((sent = write(to, (const char *)bytes + done, size - done)) <= 0)
      abort();
}

/* False: the other side is gone. */
static int
receive_bytes(int from, void *bytes, size_t size)
{
  ssize_t got;
  for (size_t done = 0; done < size; done += (size_t)got)
    if ((got = read(from, (char *)bytes + done, size - done)) <= 0)
      return 0;
  return 1;
}

/* What is told of a blob that need not be sent. */
struct place {
  uint64_t offset, length;
};

static void
hand_over(struct blob *blob)
{
  struct place place = {SA_SECTION_OWN, blob->size};
  uint64_t     sum;
  send_bytes(blob->other, &place, sizeof place);
  if (!receive_bytes(blob->other, &sum, sizeof sum))
    abort();
}

static void
by_section(void *blob, size_t count)
{
  while (count-- > 0)
    hand_over(blob);
}

static void
by_copy_to_section(void *context, size_t count)
{
  struct blob *blob = context;
  while (count-- > 0) {
    memcpy(blob->shared, blob->bytes, blob->size);
    hand_over(blob);
  }
}

static void
by_socket(void *context, size_t count)
{
  struct blob *blob = context;
  uint64_t     sum;
  while (count-- > 0) {
    send_bytes(blob->other, blob->bytes, blob->size);
    if (!receive_bytes(blob->other, &sum, sizeof sum))
      abort();
  }
}

static void
by_memcpy(void *context, size_t count)
{
  struct blob *blob = context;
  while (count-- > 0) {
    memcpy(blob->shared, blob->bytes, blob->size);
    __asm__ volatile("" ::: "memory");
  }
}

/* --- the other process ------------------------------------------------------------------------ */

static uint64_t
read_in_place(sa_section *section, struct place place)
{
  return read_all_bytes(or_abort(sa_section_range(section, place.offset, place.length)),
                        place.length);
}

static void
take_places(struct blob *blob)
{
  struct place place;
  while (receive_bytes(blob->other, &place, sizeof place)) {
    uint64_t sum = read_in_place(blob->section, place);
    send_bytes(blob->other, &sum, sizeof sum);
  }
}

static void
take_places_of_a_name(struct blob *blob)
{
  struct place place;
  while (receive_bytes(blob->other, &place, sizeof place)) {
    sa_section *section = or_abort(sa_section_open(blob->name, SA_SECTION_READ_ONLY));
    void *view = or_abort(sa_section_map(section, NULL, 0, sa_section_size(section), SA_VIEW_READ));
    uint64_t sum = read_in_place(section, place);
    sa_view_unmap(view);
    sa_section_close(section);
    send_bytes(blob->other, &sum, sizeof sum);
  }
}

static void
take_bytes(struct blob *blob)
{
  while (receive_bytes(blob->other, blob->bytes, blob->size)) {
    uint64_t sum = read_all_bytes(blob->bytes, blob->size);
    send_bytes(blob->other, &sum, sizeof sum);
  }
}

static const struct way {
  const char *name;
  measured   *give;
  void (*take)(struct blob *blob);
} ways[] = {{"section", by_section, take_places},
            {"copied", by_copy_to_section, take_places},
            {"opened", by_section, take_places_of_a_name},
            {"socket", by_socket, take_bytes},
            {"memcpy", by_memcpy, take_bytes}};

static void
make_blob(struct blob *blob, size_t size)
{
  size_t whole = SA_SECTION_OWN + (size + SA_SECTION_OWN - 1) / SA_SECTION_OWN * SA_SECTION_OWN;
  blob->size = size;
  blob->bytes = or_abort(malloc(size));
  snprintf(blob->name, sizeof blob->name, "work-section-%d", (int)getpid());
  blob->section = or_abort(sa_section_create(blob->name, whole, 0));
  blob->shared = or_abort(sa_section_map(blob->section, NULL, 0, whole, SA_VIEW_WRITE));
  blob->shared += SA_SECTION_OWN;
  memset(blob->bytes, 1, size);
  memset(blob->shared, 1, size);
}

static int
measure_blob(const struct way *way, const char *workload)
{
  struct blob blob;
  int         ends[2];
  make_blob(&blob, blob_size(workload));
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
    return 1;
  pid_t child = fork();
  blob.other = ends[child == 0];
  close(ends[child != 0]);
  if (child == 0) {
    way->take(&blob);
    _exit(0);
  }
  double time = measure(CLOCK_MONOTONIC, way->give, &blob);
  close(blob.other);
  waitpid(child, NULL, 0);
  sa_view_unmap(blob.shared - SA_SECTION_OWN);
  sa_section_close(blob.section);
  report(workload, "", "us", time / 1000);
  return 0;
}

/* --- scopes ----------------------------------------------------------------------------------- */

enum { BLOCK = 64 };

static void
alloc(void *options, size_t count)
{
  enum { IN_ONE = 1000 };
  for (size_t done = 0; done < count; done += IN_ONE) {
    sa_scope *scope = or_abort(sa_scope_create(options));
    if (sa_scope_enter(scope) != 0)
      abort();
    for (size_t i = 0; i < IN_ONE; i++)
      *(volatile char *)or_abort(sa_scope_alloc(scope, BLOCK)) = 1;
    sa_scope_destroy(scope);
  }
}

static void
pair(void *options, size_t count)
{
  sa_scope *scope = or_abort(sa_scope_create(options));
  if (sa_scope_enter(scope) != 0)
    abort();
  while (count-- > 0)
    sa_free(sa_scope_alloc(scope, BLOCK));
  sa_scope_destroy(scope);
}

static void
scopes(void *options, size_t count)
{
  while (count-- > 0) {
    sa_scope *scope = or_abort(sa_scope_create(options));
    if (sa_scope_enter(scope) != 0)
      abort();
    for (size_t i = 0; i < 10; i++)
      *(volatile char *)or_abort(sa_scope_alloc(scope, BLOCK)) = 1;
    sa_scope_destroy(scope);
  }
}

static measured *
body_of(const char *workload)
{
  if (strcmp(workload, "scoped alloc") == 0)
    return alloc;
  return strcmp(workload, "scoped pair") == 0 ? pair : scopes;
}

static int
measure_scope(const char *where, const char *workload)
{
  sa_scope_options options = {.name = "measured"};
  if (strcmp(where, "section") == 0)
    options.section = or_abort(sa_section_create(NULL, ROOM_FOR_SCOPES, 0));
  report(workload, "", "ns", measure(CLOCK_PROCESS_CPUTIME_ID, body_of(workload), &options));
  sa_section_close(options.section);
  return 0;
}

int
main(int argc, char **argv)
{
  if (argc != 3)
    return 2;
  if (blob_size(argv[2]) == 0)
    return measure_scope(argv[1], argv[2]);
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
    if (strcmp(argv[1], ways[i].name) == 0)
      return measure_blob(&ways[i], argv[2]);
  return 2;
}
