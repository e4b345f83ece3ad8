/* Accounts of scoped interfaces' operations. */
#include "stub/operations.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "engine/figures.h"
#include "engine/trace.h"
#include "os/os.h"

/* Every call of the operation adds to it, on any thread. Relaxed: they are numbers and nothing
 * follows from them. */
struct account {
  _Atomic size_t calls;
  _Atomic size_t faults;
  _Atomic size_t over_budget;
  _Atomic size_t blocks;
  _Atomic size_t bytes;
  _Atomic size_t peak;
  _Atomic size_t peaks;
  _Atomic size_t nanoseconds;
  _Atomic size_t longest;
};

/* All but the accounts is set before it is published, and never changed. */
struct sa_operations {
  struct sa_operations *next;
  sa_if_handle          ifspec;
  char                  name[SA_OPERATION_NAME];
  unsigned              count;
  struct account        accounts[];
};

/* Pushed to by compare-and-swap with release, read with acquire; nothing is ever taken off. */
static _Atomic(struct sa_operations *) all;

/* Set by any thread and read by any, with release and acquire: what the setter prepared for the
 * observer happens before the observer runs. */
static _Atomic(sa_call_observer *) observer;

/* --- counting --------------------------------------------------------------------------------- */

/* A tiny call has nothing for most of them, and adding nothing would take as long. */
static void
add(_Atomic size_t *to, size_t number)
{
  if (number != 0)
    atomic_fetch_add_explicit(to, number, memory_order_relaxed);
}

static void
raise_to(_Atomic size_t *most, size_t number)
{
  size_t old = atomic_load_explicit(most, memory_order_relaxed);
  while (number > old
         && !atomic_compare_exchange_weak_explicit(most, &old, number, memory_order_relaxed,
                                                   memory_order_relaxed))
    ;
}

static void
account_for(struct account *account, const struct sa_scope_stats *stats, uint64_t nanoseconds,
            bool fault)
{
  add(&account->calls, 1);
  add(&account->faults, fault ? 1 : 0);
  add(&account->over_budget, stats->over_budget > 0 ? 1 : 0);
  add(&account->blocks, stats->blocks);
  add(&account->bytes, stats->bytes);
  add(&account->peaks, stats->peak);
  raise_to(&account->peak, stats->peak);
  add(&account->nanoseconds, nanoseconds);
  raise_to(&account->longest, nanoseconds);
}

void
sa_call_begins(struct sa_call *call, struct sa_operations *operations, unsigned number)
{
  *call = (struct sa_call){operations, number, sa_os_nanoseconds()};
  sa_trace_call(operations->name, number);
}

void
sa_call_ends(const struct sa_call *call, sa_scope *scope, bool fault)
{
  const uint64_t        took = sa_os_nanoseconds() - call->begun;
  struct sa_scope_stats stats = {0};
  if (scope)
    sa_scope_get_stats(scope, &stats);
  account_for(&call->operations->accounts[call->number], &stats, took, fault);
  sa_trace_call_ends();
  sa_call_observer *tell = atomic_load_explicit(&observer, memory_order_acquire);
  if (tell && scope)
    tell(call->operations->ifspec, call->number, &stats);
}

void
sa_observe_calls(sa_call_observer *to)
{
  atomic_store_explicit(&observer, to, memory_order_release);
}

/* --- the figures ------------------------------------------------------------------------------ */

static size_t
get(const _Atomic size_t *from)
{
  return atomic_load_explicit(from, memory_order_relaxed);
}

static void
fill_in(sa_operation_stats *to, const struct sa_operations *operations, unsigned number)
{
  const struct account *account = &operations->accounts[number];
  *to = (sa_operation_stats){.operation = number};
  memcpy(to->name, operations->name, sizeof to->name);
  to->calls = get(&account->calls);
  to->faults = get(&account->faults);
  to->over_budget = get(&account->over_budget);
  to->blocks = get(&account->blocks);
  to->bytes = get(&account->bytes);
  to->peak = get(&account->peak);
  to->mean = get(&account->peaks) / to->calls;
  to->nanoseconds = get(&account->nanoseconds);
  to->longest = get(&account->longest);
}

size_t
sa_get_operation_stats(sa_operation_stats *to, size_t count)
{
  size_t                      found = 0;
  const struct sa_operations *operations = atomic_load_explicit(&all, memory_order_acquire);
  for (; operations; operations = operations->next)
    for (unsigned i = 0; i < operations->count; i++)
      if (get(&operations->accounts[i].calls) > 0 && found++ < count)
        fill_in(&to[found - 1], operations, i);
  return found;
}

static size_t
get_rows(void *to, size_t room)
{
  return sa_get_operation_stats(to, room);
}

static const struct sa_column columns[] = {
  SA_COLUMN(sa_operation_stats, SA_NAME_COLUMN, name, "interface",
            "Name of the interface's scopes"),
  SA_COLUMN(sa_operation_stats, SA_NUMBER_COLUMN, operation, "operation",
            "Number of the operation"),
  SA_COLUMN(sa_operation_stats, SA_COUNTER, calls, "calls", "Calls that have ended"),
  SA_COLUMN(sa_operation_stats, SA_COUNTER, faults, "faults", "Calls that gave no result"),
  SA_COLUMN(sa_operation_stats, SA_COUNTER, over_budget, "over_budget",
            "Calls that were refused memory for their budget"),
  SA_COLUMN(sa_operation_stats, SA_COUNTER, blocks, "blocks", "Blocks that went with their call"),
  SA_COLUMN(sa_operation_stats, SA_COUNTER, bytes, "bytes", "In those blocks"),
  SA_COLUMN(sa_operation_stats, SA_GAUGE, peak, "peak_bytes", "Most that one call's scope held"),
  SA_COLUMN(sa_operation_stats, SA_GAUGE, mean, "mean_bytes",
            "Most that a call's scope held, on average"),
  SA_COLUMN(sa_operation_stats, SA_COUNTER, nanoseconds, "nanoseconds", "Time in calls"),
  SA_COLUMN(sa_operation_stats, SA_GAUGE, longest, "longest_nanoseconds",
            "Time in the longest call"),
};

static const struct sa_table table = {
  "operations", "operation", sizeof(sa_operation_stats), columns, sizeof columns / sizeof *columns,
  get_rows};

/* --- interfaces ------------------------------------------------------------------------------- */

/* No byte of a name does anything to a terminal or a format, whatever its encoding was. */
static void
make_printable(char *name)
{
  for (; *name; name++)
    if (*name < ' ' || *name > '~')
      *name = '?';
}

static bool
is_taken(const char *name, const struct sa_operations *operations)
{
  while (operations && strcmp(operations->name, name) != 0)
    operations = operations->next;
  return operations;
}

/* One that no interface before it has, since the figures are told apart by it. */
static void
set_name(struct sa_operations *operations, const char *name)
{
  char    *own = operations->name;
  char     number[12] = "";
  unsigned count = 1;
  do {
    int room = (int)(sizeof operations->name - 1 - strlen(number));
    snprintf(own, sizeof operations->name, "%.*s%s", room, name, number);
    make_printable(own);
    snprintf(number, sizeof number, "#%u", ++count);
  } while (is_taken(own, operations->next));
}

struct sa_operations *
sa_operations_add(sa_if_handle ifspec, const char *name, unsigned count)
{
  struct sa_operations *operations =
    sa_calloc(1, sizeof *operations + count * sizeof *operations->accounts);
  if (!operations)
    return NULL;
  operations->ifspec = ifspec;
  operations->count = count;
  operations->next = atomic_load_explicit(&all, memory_order_acquire);
  do
    set_name(operations, name);
  while (!atomic_compare_exchange_weak_explicit(&all, &operations->next, operations,
                                                memory_order_acq_rel, memory_order_acquire));
  atomic_store_explicit(&sa_more_figures, &table, memory_order_release);
  return operations;
}
