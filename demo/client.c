/*
 * The catalog's client, which checks every answer:
 *
 *   client PROTOCOL ENDPOINT [ROUNDS [NAME]] each operation, or one, so many times
 *   client PROTOCOL ENDPOINT long COUNT      so many calls within one scope
 *   client PROTOCOL ENDPOINT hold            opens a shelf, and searches on until it is killed
 *   client PROTOCOL ENDPOINT shelves COUNT   waits until so many shelves are open
 *   client PROTOCOL ENDPOINT borrow          has a scan lent, opens its section, returns it to the
 *                                            server and reads it: a step at each line of its input
 *   client PROTOCOL ENDPOINT gone SECTION    waits until no section has that name
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "facts.h"
#include "memory.h"
#include "runtime.h"

#include <stuballoc/midl.h>
#include <stuballoc/rpcss.h>
#include <stuballoc/section.h>

enum { FOUND = 100, RELATIONS = 200, SCAN = 100000, TOO_MANY_KILOBYTES = 1 << 20 };

/* --- what a call returned --------------------------------------------------------------------- */

/* Without a scope around the call. */
static void
give_back(void *block)
{
  if (!memory_is_scoped && block)
    midl_user_free(block);
}

static void
give_back_record(record *old)
{
  if (old->about.what == RECORDING)
    give_back(old->about.value.performer);
  give_back(old->title);
  give_back(old->subtitle);
  give_back(old->price);
  give_back(old->loans);
  give_back(old);
}

/* --- one check an operation: whether the answers are right ------------------------------------ */

static bool
is_text(text got, const char *wanted)
{
  return got && strcmp((const char *)got, wanted) == 0;
}

static bool
is_optional(text got, const char *wanted)
{
  return wanted[0] ? is_text(got, wanted) : !got;
}

static bool
check_title(handle_t binding, int number)
{
  text title = NULL;
  catalog_title(binding, number, &title);
  const bool right = is_text(title, fact_of(number).title);
  give_back(title);
  return right;
}

static bool
is_edition(const edition *got, short year, int copies)
{
  return got->year == year && got->copies == copies;
}

static bool
is_about(const details *got, const struct fact *wanted)
{
  if ((int)got->what != (int)wanted->kind)
    return false;
  switch (wanted->kind) {
  case FACT_BOOK:
    return got->value.pages == wanted->pages;
  case FACT_MAP:
    return is_edition(&got->value.survey, wanted->survey_year, wanted->survey_copies);
  case FACT_RECORDING:
    return is_text(got->value.performer, wanted->performer);
  }
  return false;
}

static bool
are_loans(const record *got, const struct fact *wanted)
{
  if (got->count != wanted->loans || !got->loans != (wanted->loans == 0))
    return false;
  for (int year = 0; year < wanted->loans; year++)
    if (got->loans[year] != fact_loans(wanted->number, year))
      return false;
  return true;
}

static bool
is_record(const record *got, int number)
{
  const struct fact wanted = fact_of(number);
  return got->number == number && is_text(got->title, wanted.title)
         && is_optional(got->subtitle, wanted.subtitle)
         && (got->price ? *got->price : 0) == wanted.price
         && is_edition(&got->printed.first, wanted.first_year, wanted.first_copies)
         && is_edition(&got->printed.latest, wanted.latest_year, wanted.latest_copies)
         && is_about(&got->about, &wanted) && are_loans(got, &wanted);
}

static bool
check_search(handle_t binding, int number)
{
  const enum fact_kind what = fact_kind_of(number);
  records              found = NULL, next;
  int                  count = 0;
  catalog_search(binding, (kind)what, number, FOUND, &found);
  for (; found; found = next, count++) {
    next = found->next;
    while (fact_kind_of(number) != what)
      number++;
    if (!is_record(found, number++))
      return false;
    give_back_record(found);
  }
  return count == FOUND;
}

/* How each relation leads to two others. */
struct shape {
  int (*left)(int number); /* NOWHERE: to none */
  int (*right)(int number);
};
enum { NOWHERE = -1 };

static int
next_in_chain(int number)
{
  return number + 1 < RELATIONS ? number + 1 : NOWHERE;
}

static int
end_of_chain(int number)
{
  return number + 1 < RELATIONS ? RELATIONS - 1 : NOWHERE;
}

static int
next_in_ring(int number)
{
  return (number + 1) % RELATIONS;
}

static int
shortcut_in_ring(int number)
{
  return number * 7 % RELATIONS;
}

static relation *
at(relation graph[RELATIONS], int number)
{
  return number == NOWHERE ? NULL : &graph[number];
}

/* Follows the mirror, where left and right are exchanged. What is one relation in the graph must be
 * one in the mirror. */
static bool
is_mirror(relation *mirror, const struct shape *shape)
{
  relation *seen[RELATIONS];
  for (int i = 0; i < RELATIONS; i++, mirror = mirror->right) {
    if (!mirror || mirror->number != i)
      return false;
    seen[i] = mirror;
  }
  for (int i = 0; i < RELATIONS; i++) {
    const int left = shape->left(i), right = shape->right(i);
    if (seen[i]->right != (left == NOWHERE ? NULL : seen[left])
        || seen[i]->left != (right == NOWHERE ? NULL : seen[right]))
      return false;
  }
  for (int i = 0; i < RELATIONS; i++)
    give_back(seen[i]);
  return true;
}

static bool
check_shape(handle_t binding, const struct shape *shape)
{
  relation  graph[RELATIONS];
  relations mirror = NULL;
  for (int i = 0; i < RELATIONS; i++)
    graph[i] = (relation){i, at(graph, shape->left(i)), at(graph, shape->right(i))};
  catalog_mirror(binding, graph, &mirror);
  return is_mirror(mirror, shape);
}

/* A chain, each relation of which leads to the last one, too. */
static bool
check_mirror(handle_t binding, int number)
{
  const struct shape chain = {next_in_chain, end_of_chain};
  (void)number;
  return check_shape(binding, &chain);
}

/* A ring with shortcuts: every relation is led to by two others, and some by themselves. */
static bool
check_ring(handle_t binding, int number)
{
  const struct shape ring = {next_in_ring, shortcut_in_ring};
  (void)number;
  return check_shape(binding, &ring);
}

static bool
check_annotate(handle_t binding, int number)
{
  char first[FACT_TEXT], capitals[FACT_TEXT];
  text note = NULL;
  fact_note(number, first);
  catalog_annotate(binding, number, &note);
  if (!is_text(note, first))
    return false;
  text made = note;
  catalog_annotate(binding, number, &note);
  if (note != made) /* the stub has made another one */
    give_back(made);
  snprintf(capitals, sizeof capitals, "RECORD %d WAS LOOKED AT", number);
  const bool right = is_text(note, capitals);
  give_back(note);
  return right;
}

static bool
is_scan(const pixel *image, int number)
{
  for (int i = 0; i < SCAN; i++)
    if (image[i] != fact_scan(number, i))
      return false;
  return true;
}

static bool
check_scan(handle_t binding, int number)
{
  static pixel image[SCAN];
  whole        sum = 0, wanted = 0;
  catalog_scan(binding, number, SCAN, image);
  if (!is_scan(image, number))
    return false;
  for (int i = 0; i < SCAN; i++)
    wanted += image[i];
  catalog_check(binding, SCAN, image, &sum);
  return sum == wanted;
}

/* A scan by section, and how far its client is with it. */
struct borrowed {
  handle_t    binding;
  int         number;
  lending     lent;
  place       where;
  sa_section *section;
  void       *view;
};

static void
borrow(void *borrowed)
{
  struct borrowed *mine = borrowed;
  catalog_lend(mine->binding, mine->number, SCAN, &mine->lent, &mine->where);
}

static bool
open_borrowed(struct borrowed *mine)
{
  mine->section = sa_section_open((const char *)mine->where.section, SA_SECTION_READ_ONLY);
  if (mine->section)
    mine->view =
      sa_section_map(mine->section, NULL, 0, sa_section_size(mine->section), SA_VIEW_READ);
  return mine->view;
}

static void
return_borrowed(void *borrowed)
{
  struct borrowed *mine = borrowed;
  catalog_return(&mine->lent);
}

/* Where it is comes from another process, and may be anywhere. */
static bool
is_borrowed_scan(const struct borrowed *mine)
{
  const pixel *image = NULL;
  if (mine->where.length == SCAN)
    image = sa_section_range(mine->section, (uint64_t)mine->where.offset, SCAN);
  return image && is_scan(image, mine->number);
}

static void
close_borrowed(struct borrowed *mine)
{
  if (mine->view)
    sa_view_unmap(mine->view);
  sa_section_close(mine->section);
}

static bool
is_gone(const char *name)
{
  sa_section *section = sa_section_open(name, SA_SECTION_READ_ONLY);
  const bool  gone = !section && errno == ENOENT;
  sa_section_close(section);
  return gone;
}

/* Whether it was lent; also as the server has marshalled it. */
static bool
borrow_and_read(struct borrowed *mine, pixel *image)
{
  borrow(mine);
  if (!mine->lent)
    return false;
  catalog_read(mine->lent, 0, SCAN, image);
  return true;
}

/* Returned as soon as it is open: the section stays for who has it. */
static bool
check_lend(handle_t binding, int number)
{
  struct borrowed mine = {.binding = binding, .number = number};
  static pixel    image[SCAN];
  if (!borrow_and_read(&mine, image))
    return false;
  const bool opened = open_borrowed(&mine);
  return_borrowed(&mine);
  const bool right = opened && !mine.lent && is_borrowed_scan(&mine) && is_scan(image, number);
  close_borrowed(&mine);
  const bool gone = is_gone((const char *)mine.where.section);
  give_back(mine.where.section);
  return right && gone;
}

/* For a client that cannot open it. */
static bool
check_read(handle_t binding, int number)
{
  struct borrowed mine = {.binding = binding, .number = number};
  static pixel    image[SCAN];
  if (!borrow_and_read(&mine, image))
    return false;
  return_borrowed(&mine);
  give_back(mine.where.section);
  return !mine.lent && is_scan(image, number);
}

static bool
check_index(handle_t binding, int number)
{
  whole sum = 0;
  catalog_index(binding, number % 1000, &sum);
  return sum == fact_index(number % 1000);
}

static void
index_too_much(void *binding)
{
  whole sum;
  catalog_index(binding, TOO_MANY_KILOBYTES, &sum);
}

/* The server refuses what is over its budget, and serves the next call. */
static bool
check_budget(handle_t binding, int number)
{
  if (!memory_is_scoped) /* there is none */
    return true;
  return runtime_try(index_too_much, binding) == NO_MEMORY && check_index(binding, number);
}

static bool
check_shelf(handle_t binding, int number)
{
  char  owner[] = "the checking client";
  shelf mine = NULL;
  whole held = 0;
  catalog_open_shelf(binding, (text)owner, &mine);
  if (!mine)
    return false;
  for (int i = 1; i <= 3; i++) {
    catalog_put(mine, number + i, &held);
    if (held != i)
      return false;
  }
  catalog_close_shelf(&mine);
  return !mine;
}

/* --- the run ---------------------------------------------------------------------------------- */

struct check {
  const char *name;
  bool (*answers)(handle_t binding, int number);
  int calls; /* that it makes */
};

static const struct check checks[] = {
  {"title", check_title, 1},       {"search", check_search, 1}, {"mirror", check_mirror, 1},
  {"annotate", check_annotate, 2}, {"scan", check_scan, 2},     {"lend", check_lend, 3},
  {"index", check_index, 1},       {"budget", check_budget, 2}, {"shelf", check_shelf, 5},
};
enum { CHECKS = sizeof checks / sizeof *checks };

/* Made only where they are asked for: Wine's rpcrt4 goes round a ring until its stack is full, and
 * "lend" reads, too. */
static const struct check named_only[] = {{"ring", check_ring, 1}, {"read", check_read, 3}};
enum { NAMED_ONLY = sizeof named_only / sizeof *named_only };

struct run {
  const struct check *check;
  handle_t            binding;
  int                 rounds;
  int                 right;
  double              seconds;
  size_t              scope_blocks; /* freed with a round's scope */
  size_t              scope_bytes;
  size_t              peak;
};

static double
now(void)
{
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void
count(struct run *run, sa_scope *scope)
{
  struct sa_scope_stats stats;
  sa_scope_get_stats(scope, &stats);
  run->scope_blocks += stats.blocks;
  run->scope_bytes += stats.bytes;
  if (run->peak < stats.peak)
    run->peak = stats.peak;
}

/* The results of a round are freed with its scope. Counting them is none of its time. */
static void
run_round(struct run *run, int number)
{
  const sa_scope_options options = {.name = "round", .flags = SA_SCOPE_UNWIND};
  const double           started = now();
  double                 counting = 0;
  sa_scope              *scope = memory_is_scoped ? sa_scope_create(&options) : NULL;
  if (scope)
    (void)sa_scope_enter(scope);
  if (run->check->answers(run->binding, number))
    run->right++;
  if (scope) {
    counting = now();
    count(run, scope);
    counting = now() - counting;
    sa_scope_destroy(scope);
  }
  run->seconds += now() - started - counting;
}

static void
run_rounds(void *argument)
{
  struct run *run = argument;
  for (int i = 0; i < run->rounds; i++)
    run_round(run, 1 + i);
}

/* The bytes that were taken and not freed in either way are left. */
static bool
run_check(const struct check *check, handle_t binding, int rounds)
{
  struct run run = {.check = check, .binding = binding, .rounds = rounds};
  memory_counts = (struct memory_counts){0};
  enum outcome    outcome = runtime_try(run_rounds, &run);
  const bool      good = outcome == DONE && run.right == rounds;
  const ptrdiff_t left =
    (ptrdiff_t)(memory_counts.taken_bytes - memory_counts.freed_bytes - run.scope_bytes);
  printf("%-12s %8d %10zu %12zu %10zu %10zu %9zu %8s %6td %10.1f\n", check->name, run.right,
         memory_counts.taken_blocks, memory_counts.taken_bytes, memory_counts.freed_blocks,
         run.scope_blocks, run.peak / 1024, good ? "right" : "WRONG", left,
         run.seconds / rounds / check->calls * 1e6);
  fflush(stdout);
  return good;
}

struct count {
  handle_t   binding;
  statistics now;
};

static void
ask_statistics(void *argument)
{
  struct count *count = argument;
  catalog_status(count->binding, &count->now);
}

/* A server with much to do refuses a local client while too many others wait to be accepted. */
static bool
is_connected(handle_t binding)
{
  const struct timespec pause = {.tv_nsec = 50000000};
  struct count          first = {.binding = binding};
  for (int i = 0; i < 40; i++) {
    if (runtime_try(ask_statistics, &first) == DONE)
      return true;
    nanosleep(&pause, NULL);
  }
  fprintf(stderr, "the server cannot be reached\n");
  return false;
}

/* One check by its name, or with NULL all of them. */
static int
run_checks(handle_t binding, int rounds, const char *name)
{
  bool good = is_connected(binding); /* which is none of an operation's time */
  printf("%-12s %8s %10s %12s %10s %10s %9s %8s %6s %10s\n", "operation", "answers", "blocks",
         "bytes", "one by one", "by scope", "peak KiB", "", "left", "us a call");
  for (int i = 0; i < CHECKS; i++)
    if (!name || strcmp(name, checks[i].name) == 0)
      good &= run_check(&checks[i], binding, rounds);
  for (int i = 0; name && i < NAMED_ONLY; i++)
    if (strcmp(name, named_only[i].name) == 0)
      good &= run_check(&named_only[i], binding, rounds);
  if (sa_scope_current())
    good = false;
  return good ? 0 : 1;
}

/* --- what else tests need of a client --------------------------------------------------------- */

struct series {
  handle_t binding;
  int      count;
  bool     right;
};

/* Each result is given back, for the next call to use its memory. */
static void
call_title_on_and_on(void *argument)
{
  struct series *series = argument;
  for (int number = 0; number < series->count; number++) {
    text title = NULL;
    catalog_title(series->binding, number, &title);
    series->right &= is_text(title, fact_of(number).title);
    midl_user_free(title);
  }
}

/* A scope has 64 KiB at least, and what is used again needs no more. */
static int
call_within_one_scope(handle_t binding, int count)
{
  enum { ENOUGH = 64 << 10 };
  struct series         series = {.binding = binding, .count = count, .right = true};
  struct sa_scope_stats stats;
  SA_SCOPED(NULL);
  enum outcome outcome = runtime_try(call_title_on_and_on, &series);
  sa_scope_get_stats(sa_scope_current(), &stats);
  printf("%d calls in one scope: %zu bytes held at most, %zu blocks left\n", count, stats.peak,
         stats.blocks);
  return outcome == DONE && series.right && stats.peak <= ENOUGH && stats.blocks == 0 ? 0 : 1;
}

static void
open_shelf(void *binding)
{
  char  owner[] = "a client that will be killed";
  shelf mine;
  catalog_open_shelf(binding, (text)owner, &mine);
}

static void
say(const char *what)
{
  puts(what);
  fflush(stdout);
}

static int
hold(handle_t binding)
{
  struct run run = {.check = &checks[1], .binding = binding, .rounds = 1000000};
  if (runtime_try(open_shelf, binding) != DONE)
    return 1;
  say("holding");
  return runtime_try(run_rounds, &run) == DONE ? 0 : 1;
}

static int
wait_for_shelves(handle_t binding, int wanted)
{
  const struct timespec pause = {.tv_nsec = 50000000};
  struct count          count = {.binding = binding};
  for (int i = 0; i < 600; i++) {
    if (runtime_try(ask_statistics, &count) != DONE)
      return 1;
    if (count.now.shelves == wanted)
      return 0;
    nanosleep(&pause, NULL);
  }
  fprintf(stderr, "%d shelves are open\n", (int)count.now.shelves);
  return 1;
}

/* Either side may be killed before a step: so the server may be gone, and the section with it. */
static int
borrow_step_by_step(handle_t binding)
{
  struct borrowed mine = {.binding = binding, .number = 1};
  if (runtime_try(borrow, &mine) != DONE || !mine.lent)
    return 1;
  say((const char *)mine.where.section);
  (void)getchar();
  say(open_borrowed(&mine) ? "opened" : "gone");
  (void)getchar();
  if (runtime_try(return_borrowed, &mine) != DONE)
    RpcSsDestroyClientContext(&mine.lent);
  say("returned");
  (void)getchar();
  say(is_borrowed_scan(&mine) ? "right" : "wrong");
  close_borrowed(&mine);
  return is_gone((const char *)mine.where.section) ? 0 : 1;
}

/* Whoever had it may have been killed a moment ago. */
static int
wait_until_gone(const char *name)
{
  const struct timespec pause = {.tv_nsec = 50000000};
  for (int i = 0; i < 600; i++) {
    if (is_gone(name))
      return 0;
    nanosleep(&pause, NULL);
  }
  fprintf(stderr, "%s is still there\n", name);
  return 1;
}

static int
run_client(handle_t binding, int words, char **word)
{
  if (words > 0 && strcmp(word[0], "hold") == 0)
    return hold(binding);
  if (words > 1 && strcmp(word[0], "long") == 0)
    return call_within_one_scope(binding, atoi(word[1]));
  if (words > 1 && strcmp(word[0], "shelves") == 0)
    return wait_for_shelves(binding, atoi(word[1]));
  if (words > 0 && strcmp(word[0], "borrow") == 0)
    return borrow_step_by_step(binding);
  if (words > 1 && strcmp(word[0], "gone") == 0)
    return wait_until_gone(word[1]);
  return run_checks(binding, words > 0 ? atoi(word[0]) : 1, words > 1 ? word[1] : NULL);
}

int
main(int argc, char **argv)
{
  if (argc < 3) {
    fprintf(stderr,
            "usage: %s PROTOCOL ENDPOINT"
            " [ROUNDS [NAME] | long COUNT | hold | shelves COUNT | borrow | gone SECTION]\n",
            argv[0]);
    return 2;
  }
  handle_t binding = runtime_bind(argv[1], argv[2]);
  if (!binding)
    return 1;
  int failed = run_client(binding, argc - 3, argv + 3);
  runtime_unbind(binding);
  return failed;
}
