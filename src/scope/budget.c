/* Budgets: what a scope and those around it may hold. */
#include "os/probe.h"
#include "scope/scope.h"

/* As much of `most` as one scope's budget leaves. */
static size_t
charge_one(struct sa_scope *scope, size_t least, size_t most)
{
  size_t held = atomic_load_explicit(&scope->held, memory_order_relaxed);
  size_t part;
  do {
    part = most;
    if (scope->budget != 0) {
      size_t room = held < scope->budget ? (scope->budget - held) / SA_GRANULE * SA_GRANULE : 0;
      part = room < most ? room : most;
    }
    if (part < least)
      return 0;
  } while (!atomic_compare_exchange_weak_explicit(&scope->held, &held, held + part,
                                                  memory_order_relaxed, memory_order_relaxed));
  return part;
}

static void
note_peak_of(struct sa_scope *scope)
{
  size_t held = atomic_load_explicit(&scope->held, memory_order_relaxed);
  size_t peak = atomic_load_explicit(&scope->peak, memory_order_relaxed);
  while (held > peak
         && !atomic_compare_exchange_weak_explicit(&scope->peak, &peak, held, memory_order_relaxed,
                                                   memory_order_relaxed))
    ;
}

/* From a scope up to, not including, one of those around it. */
static void
return_up_to(struct sa_scope *scope, const struct sa_scope *end, size_t bytes)
{
  for (; scope != end; scope = scope->limiter)
    atomic_fetch_sub_explicit(&scope->held, bytes, memory_order_relaxed);
}

size_t
sa_budget_charge(struct sa_scope *scope, size_t least, size_t most)
{
  size_t charged = most;
  atomic_store_explicit(&scope->plain, false, memory_order_relaxed);
  for (struct sa_scope *each = scope; each; each = each->limiter) {
    size_t part = charge_one(each, least, charged);
    return_up_to(scope, each, charged - part);
    charged = part;
    if (part == 0) {
      SA_PROBE2(over_budget, scope, least);
      return 0;
    }
  }
  return charged;
}

void
sa_budget_note_peak(struct sa_scope *scope)
{
  for (; scope; scope = scope->limiter)
    note_peak_of(scope);
}

void
sa_budget_return(struct sa_scope *scope, size_t bytes)
{
  return_up_to(scope, NULL, bytes);
}
