/* From the events of the threads to the steps of each, in one order. */
#include "replay.h"

#include <string.h>

/* A block that is out, or was. */
struct block {
  uint64_t address, size;
  uint32_t thread;         /* that allocated it; of a step, the one that the block belongs to */
  uint32_t scope;          /* NOTHING */
  uint32_t before, behind; /* in the scope's list */
  bool     shared;
};

struct inside {
  uint32_t thread, entries;
};

struct scope {
  uint64_t       address;
  uint32_t       first;   /* of its blocks */
  uint32_t       creator; /* thread */
  bool           shared;  /* several threads have to do with it */
  bool           over;
  uint32_t       entries; /* of all threads */
  uint32_t       turns;
  struct inside *inside;
  size_t         insides, room;
};

/* Of a thread. */
struct here {
  uint32_t    *stack; /* of scopes */
  size_t       depth, room;
  struct event event;     /* the next one */
  uint32_t     zeroed;    /* the next block is, */
  uint32_t     alignment; /* and at a multiple of that */
  uint32_t     operation; /* NOTHING: in no call */
  uint32_t     epoch;
};

/* All that is known while a plan is made. */
static struct {
  struct plan  *plan;
  struct trace *trace;
  bool          scoped;
  size_t        epoch_length;
  struct here  *here;
  uint32_t     *order; /* whose each step is */
  size_t        order_room;
  struct block *blocks;
  size_t        block_count, block_room;
  struct scope *scopes;
  size_t        scope_count, scope_room;
  struct table  blocks_at, scopes_at;
  /* Threads: a heap of those that may go on, by stamp; and those that wait for an address. */
  uint32_t *heap, *waiting;
  size_t    ready, waits;
  size_t    live_room, left_room;
} now;

static struct operation operations[4096];
static size_t           operation_count;

/* --- steps ------------------------------------------------------------------------------------ */

static void
append(uint32_t thread, struct step step)
{
  struct list *list = &now.plan->lists[thread];
  GROW(list->steps, list->room, list->count + 1);
  list->steps[list->count++] = step;
  GROW(now.order, now.order_room, now.plan->steps + 1);
  now.order[now.plan->steps++] = thread;
}

/* So that there is place for this epoch. */
static void
begin_epoch(uint32_t epoch)
{
  struct plan *plan = now.plan;
  GROW(plan->left, now.left_room, epoch + 1);
  GROW(plan->live, now.live_room, epoch + 1);
  plan->epochs = epoch + 1;
}

static void
add_step(uint32_t thread, struct step step)
{
  struct plan *plan = now.plan;
  uint32_t     epoch = (uint32_t)(plan->steps / now.epoch_length);
  while (plan->epochs <= epoch)
    begin_epoch(plan->epochs);
  if (now.here[thread].epoch != epoch) {
    if (plan->lists[thread].count == 0)
      plan->lists[thread].first_epoch = epoch;
    now.here[thread].epoch = epoch;
    plan->left[epoch]++;
    append(thread, (struct step){.code = STEP_EPOCH, .place = epoch});
  }
  append(thread, step);
  plan->live[epoch] = plan->summary.live;
}

/* --- scopes ----------------------------------------------------------------------------------- */

static void
touch_scope(uint32_t scope, uint32_t thread)
{
  now.scopes[scope].shared |= now.scopes[scope].creator != thread;
}

/* A step that is done to a scope in its turn; whether that matters is known in the end. */
static void
add_scope_step(uint32_t thread, struct step step, uint32_t scope)
{
  if (!now.scoped)
    return;
  touch_scope(scope, thread);
  step.scope = scope;
  step.turn = now.scopes[scope].turns++;
  add_step(thread, step);
}

static uint32_t *
entries_of(struct scope *scope, uint32_t thread)
{
  for (size_t i = 0; i < scope->insides; i++)
    if (scope->inside[i].thread == thread)
      return &scope->inside[i].entries;
  GROW(scope->inside, scope->room, scope->insides + 1);
  scope->inside[scope->insides] = (struct inside){thread, 0};
  return &scope->inside[scope->insides++].entries;
}

static uint32_t
scope_here(uint32_t thread)
{
  const struct here *here = &now.here[thread];
  return here->depth > 0 ? here->stack[here->depth - 1] : NOTHING;
}

/* --- blocks ----------------------------------------------------------------------------------- */

static void
link_block(uint32_t number, uint32_t scope)
{
  struct block *block = &now.blocks[number];
  block->scope = scope;
  if (scope == NOTHING)
    return;
  block->before = NOTHING;
  block->behind = now.scopes[scope].first;
  if (block->behind != NOTHING)
    now.blocks[block->behind].before = number;
  now.scopes[scope].first = number;
}

static void
unlink_block(uint32_t number)
{
  struct block *block = &now.blocks[number];
  if (block->scope == NOTHING)
    return;
  if (block->before != NOTHING)
    now.blocks[block->before].behind = block->behind;
  else
    now.scopes[block->scope].first = block->behind;
  if (block->behind != NOTHING)
    now.blocks[block->behind].before = block->before;
  block->scope = NOTHING;
}

static void
count_live(uint64_t more, uint64_t less)
{
  struct summary *summary = &now.plan->summary;
  summary->live += more - less;
  if (summary->live > summary->peak_live)
    summary->peak_live = summary->live;
  if (summary->blocks > summary->peak_blocks)
    summary->peak_blocks = summary->blocks;
}

/* Is no block any more. */
static void
forget_block(uint32_t number)
{
  now.plan->summary.blocks--;
  count_live(0, now.blocks[number].size);
  table_remove(&now.blocks_at, now.blocks[number].address);
  unlink_block(number);
}

static void
free_block(uint32_t thread, uint32_t number)
{
  struct block *block = &now.blocks[number];
  struct step   step = {.code = STEP_FREE, .place = number, .scope = NOTHING};
  uint32_t      scope = block->scope;
  if (block->thread != thread) {
    block->shared = true;
    now.plan->summary.cross++;
  }
  forget_block(number);
  if (scope != NOTHING && now.scoped)
    add_scope_step(thread, step, scope);
  else
    add_step(thread, step);
}

static unsigned
log2_of(uint64_t size)
{
  return size <= 1 ? 0 : 64 - (unsigned)__builtin_clzll(size - 1);
}

/* One is at that address already: its free was not recorded. */
static void
free_unseen(uint32_t thread, uint64_t address)
{
  uint32_t old = table_get(&now.blocks_at, address);
  if (old == NOTHING)
    return;
  now.plan->summary.unmatched++;
  free_block(thread, old);
}

static uint32_t
new_block(uint32_t thread, const struct event *event, uint32_t scope)
{
  uint32_t number = (uint32_t)now.block_count;
  if (now.block_count == NOTHING)
    die("the trace is too long: it has over 4 billion blocks");
  GROW(now.blocks, now.block_room, now.block_count + 1);
  now.blocks[now.block_count++] =
    (struct block){.address = event->address, .size = event->size, .thread = thread};
  link_block(number, scope);
  table_put(&now.blocks_at, event->address, number);
  now.plan->summary.blocks++;
  now.plan->summary.allocs++;
  now.plan->summary.sizes[log2_of(event->size)]++;
  count_live(event->size, 0);
  if (now.here[thread].operation != NOTHING) {
    operations[now.here[thread].operation].blocks++;
    operations[now.here[thread].operation].bytes += event->size;
  }
  return number;
}

/* --- what the events do ----------------------------------------------------------------------- */

static enum step_code
code_of_alloc(struct here *here, struct step *step)
{
  enum step_code code = here->zeroed ? STEP_CALLOC : here->alignment ? STEP_ALIGNED : STEP_MALLOC;
  step->alignment = (uint8_t)here->alignment;
  now.plan->summary.zeroed += here->zeroed;
  now.plan->summary.aligned += here->alignment != 0;
  here->zeroed = here->alignment = 0;
  return code;
}

static void
do_alloc(uint32_t thread, const struct event *event)
{
  struct step step = {.size = event->size, .scope = NOTHING};
  free_unseen(thread, event->address);
  step.code = (uint8_t)code_of_alloc(&now.here[thread], &step);
  step.place = new_block(thread, event, NOTHING);
  add_step(thread, step);
}

/* In a scope: the one here, or a given one. */
static void
do_alloc_in(uint32_t thread, const struct event *event, uint32_t scope, enum step_code code)
{
  struct step step = {.code = STEP_MALLOC, .size = event->size, .scope = NOTHING};
  free_unseen(thread, event->address);
  step.place = new_block(thread, event, scope);
  if (!now.scoped || scope == NOTHING) {
    add_step(thread, step);
    return;
  }
  step.code = (uint8_t)code;
  if (code == STEP_INTO)
    add_scope_step(thread, step, scope);
  else
    add_step(thread, step);
}

static void
do_free(uint32_t thread, const struct event *event)
{
  uint32_t number = table_get(&now.blocks_at, event->address);
  if (number == NOTHING) {
    now.plan->summary.unmatched++;
    return;
  }
  now.plan->summary.frees++;
  free_block(thread, number);
}

/* The block is elsewhere, or of another size. */
static void
move_block(uint32_t thread, uint32_t number, uint64_t address, uint64_t size)
{
  table_remove(&now.blocks_at, now.blocks[number].address);
  free_unseen(thread, address);
  table_put(&now.blocks_at, address, number);
  count_live(size, now.blocks[number].size);
  now.blocks[number].address = address;
  now.blocks[number].size = size;
  now.blocks[number].shared |= now.blocks[number].thread != thread;
}

static void
do_realloc(uint32_t thread, const struct event *event)
{
  uint32_t number = table_get(&now.blocks_at, event->address);
  if (number == NOTHING) {
    struct event alloc = *event;
    alloc.address = event->other;
    now.plan->summary.unmatched++;
    do_alloc(thread, &alloc);
    return;
  }
  struct step step = {.code = STEP_REALLOC, .place = number, .size = event->size, .scope = NOTHING};
  now.plan->summary.reallocs++;
  move_block(thread, number, event->other, event->size);
  if (now.blocks[number].scope != NOTHING && now.scoped)
    add_scope_step(thread, step, now.blocks[number].scope);
  else
    add_step(thread, step);
}

static void
do_keep(uint32_t thread, const struct event *event)
{
  uint32_t number = table_get(&now.blocks_at, event->address);
  if (number == NOTHING) {
    now.plan->summary.unmatched++;
    return;
  }
  uint32_t scope = now.blocks[number].scope;
  now.plan->summary.kept++;
  move_block(thread, number, event->other, now.blocks[number].size);
  unlink_block(number);
  if (scope != NOTHING)
    add_scope_step(thread, (struct step){.code = STEP_KEEP, .place = number}, scope);
}

/* --- and to scopes ---------------------------------------------------------------------------- */

static void
do_create(uint32_t thread, const struct event *event)
{
  uint32_t number = (uint32_t)now.scope_count;
  GROW(now.scopes, now.scope_room, now.scope_count + 1);
  now.scopes[now.scope_count++] =
    (struct scope){.address = event->address, .first = NOTHING, .creator = thread};
  table_put(&now.scopes_at, event->address, number);
  now.plan->summary.scopes++;
  add_scope_step(thread, (struct step){.code = STEP_CREATE}, number);
}

/* The last one is out: all that it holds goes. */
static void
end_if_over(uint32_t thread, uint32_t number)
{
  struct scope *scope = &now.scopes[number];
  if (!scope->over || scope->entries > 0)
    return;
  if (table_get(&now.scopes_at, scope->address) == number)
    table_remove(&now.scopes_at, scope->address);
  while (scope->first != NOTHING)
    if (now.scoped)
      forget_block(scope->first);
    else
      free_block(thread, scope->first);
}

static void
do_enter(uint32_t thread, uint32_t number)
{
  struct here *here = &now.here[thread];
  GROW(here->stack, here->room, here->depth + 1);
  here->stack[here->depth++] = number;
  ++*entries_of(&now.scopes[number], thread);
  now.scopes[number].entries++;
  add_scope_step(thread, (struct step){.code = STEP_ENTER}, number);
}

/* Takes the last entry into the scope off the thread's stack; false: there is none. */
static bool
take_entry(struct here *here, uint32_t number)
{
  size_t at = here->depth;
  while (at > 0 && here->stack[at - 1] != number)
    at--;
  if (at == 0)
    return false;
  memmove(here->stack + at - 1, here->stack + at, (here->depth - at) * sizeof *here->stack);
  here->depth--;
  return true;
}

static void
do_leave(uint32_t thread, uint32_t number)
{
  if (!take_entry(&now.here[thread], number))
    return;
  --*entries_of(&now.scopes[number], thread);
  now.scopes[number].entries--;
  add_scope_step(thread, (struct step){.code = STEP_LEAVE}, number);
  end_if_over(thread, number);
}

/* Who destroys a scope leaves it. */
static void
do_destroy(uint32_t thread, uint32_t number)
{
  if (now.scopes[number].over)
    return;
  while (take_entry(&now.here[thread], number)) {
    --*entries_of(&now.scopes[number], thread);
    now.scopes[number].entries--;
  }
  now.scopes[number].over = true;
  add_scope_step(thread, (struct step){.code = STEP_DESTROY}, number);
  end_if_over(thread, number);
}

static uint32_t
operation_of(uint32_t thread, const struct event *event)
{
  const char *name = trace_name(now.trace, thread, event->low);
  for (size_t i = 0; i < operation_count; i++)
    if (operations[i].number == event->other && strcmp(operations[i].name, name) == 0)
      return (uint32_t)i;
  if (operation_count == sizeof operations / sizeof *operations)
    return NOTHING;
  struct operation *operation = &operations[operation_count];
  *operation = (struct operation){.number = event->other};
  strcpy(operation->name, name);
  return (uint32_t)operation_count++;
}

static void
do_call(uint32_t thread, const struct event *event)
{
  uint32_t operation = operation_of(thread, event);
  now.here[thread].operation = operation;
  now.plan->summary.calls++;
  if (operation != NOTHING)
    operations[operation].calls++;
}

/* A scope that is not there: its creation was not recorded. */
static void
do_to_scope(uint32_t thread, const struct event *event)
{
  uint32_t number = table_get(&now.scopes_at, event->address);
  if (number == NOTHING)
    now.plan->summary.unmatched++;
  else if (event->what == SA_TRACE_ENTER)
    do_enter(thread, number);
  else if (event->what == SA_TRACE_LEAVE)
    do_leave(thread, number);
  else
    do_destroy(thread, number);
}

static void
do_event(uint32_t thread, const struct event *event)
{
  struct here *here = &now.here[thread];
  switch (event->what) {
  case EVENT_ALLOC:
    do_alloc(thread, event);
    break;
  case EVENT_FREE:
    do_free(thread, event);
    break;
  case SA_TRACE_IN_SCOPE:
    do_alloc_in(thread, event, scope_here(thread), STEP_ALLOC);
    break;
  case SA_TRACE_INTO:
    do_alloc_in(thread, event, table_get(&now.scopes_at, event->other), STEP_INTO);
    break;
  case SA_TRACE_ZEROED:
    here->zeroed = 1;
    break;
  case SA_TRACE_ALIGNED:
    here->alignment = event->low;
    break;
  case SA_TRACE_REALLOC:
    do_realloc(thread, event);
    break;
  case SA_TRACE_KEEP:
    do_keep(thread, event);
    break;
  case SA_TRACE_CALL:
    do_call(thread, event);
    break;
  case SA_TRACE_CALL_ENDS:
    here->operation = NOTHING;
    break;
  case SA_TRACE_CREATE:
    do_create(thread, event);
    break;
  default:
    do_to_scope(thread, event);
  }
}

/* --- the order -------------------------------------------------------------------------------- */

/* Whether an event can happen now; else, it must be waited for what another thread has done before. */
static bool
is_possible(const struct event *event)
{
  bool block = table_get(&now.blocks_at, event->address) != NOTHING;
  switch (event->what) {
  case EVENT_ALLOC:
  case SA_TRACE_IN_SCOPE:
  case SA_TRACE_INTO:
    return !block;
  case EVENT_FREE:
    return block;
  case SA_TRACE_REALLOC:
  case SA_TRACE_KEEP:
    return block
           && (event->other == event->address
               || table_get(&now.blocks_at, event->other) == NOTHING);
  case SA_TRACE_CREATE:
    return table_get(&now.scopes_at, event->address) == NOTHING;
  case SA_TRACE_ENTER:
  case SA_TRACE_LEAVE:
  case SA_TRACE_DESTROY:
    return table_get(&now.scopes_at, event->address) != NOTHING;
  default:
    return true;
  }
}

static uint64_t
key(uint32_t thread)
{
  return now.here[thread].event.stamp;
}

static void
heap_push(uint32_t thread)
{
  size_t at = now.ready++;
  for (; at > 0 && key(now.heap[(at - 1) / 2]) > key(thread); at = (at - 1) / 2)
    now.heap[at] = now.heap[(at - 1) / 2];
  now.heap[at] = thread;
}

/* Puts a thread in place of the first, and then to where it belongs. */
static void
heap_replace(uint32_t thread)
{
  size_t at = 0;
  for (;;) {
    size_t child = 2 * at + 1;
    if (child + 1 < now.ready && key(now.heap[child + 1]) < key(now.heap[child]))
      child++;
    if (child >= now.ready || key(now.heap[child]) >= key(thread))
      break;
    now.heap[at] = now.heap[child];
    at = child;
  }
  now.heap[at] = thread;
}

static void
heap_pop(void)
{
  if (--now.ready > 0)
    heap_replace(now.heap[now.ready]);
}

/* What is done before may let them go on. */
static void
wake_possible(void)
{
  for (size_t i = 0; i < now.waits;)
    if (is_possible(&now.here[now.waiting[i]].event)) {
      heap_push(now.waiting[i]);
      now.waiting[i] = now.waiting[--now.waits];
    } else {
      i++;
    }
}

/* One waits in vain, since all that could come before it has: its event happens all the same. */
static bool
take_hopeless(uint32_t *thread)
{
  const uint64_t patience = 100000000; /* nanoseconds; a thread may be stopped before its stamp */
  size_t         first = 0;
  if (now.waits == 0)
    return false;
  for (size_t i = 1; i < now.waits; i++)
    if (key(now.waiting[i]) < key(now.waiting[first]))
      first = i;
  if (now.ready > 0 && key(now.heap[0]) <= key(now.waiting[first]) + patience)
    return false;
  *thread = now.waiting[first];
  now.waiting[first] = now.waiting[--now.waits];
  return true;
}

static bool
read_next(uint32_t thread)
{
  struct here *here = &now.here[thread];
  return trace_next(now.trace, thread, &here->event);
}

/* Does the events of the thread that is first, until another one is; false: there is none. */
static bool
go_on(void)
{
  uint32_t thread;
  if (take_hopeless(&thread)) {
    struct event event = now.here[thread].event;
    now.plan->summary.ended = event.stamp;
    do_event(thread, &event);
    if (read_next(thread))
      heap_push(thread);
    wake_possible();
    return true;
  }
  if (now.ready == 0)
    return false;
  thread = now.heap[0];
  const struct event *event = &now.here[thread].event;
  if (!is_possible(event)) {
    now.waiting[now.waits++] = thread;
    heap_pop();
    return true;
  }
  now.plan->summary.ended = event->stamp;
  do_event(thread, event);
  if (read_next(thread))
    heap_replace(thread);
  else
    heap_pop();
  wake_possible();
  return true;
}

/* --- places ----------------------------------------------------------------------------------- */

struct places {
  uint32_t *free;
  size_t    count, room;
};

static bool
begins(const struct step *step)
{
  return step->code == STEP_MALLOC || step->code == STEP_CALLOC || step->code == STEP_ALIGNED
         || step->code == STEP_ALLOC || step->code == STEP_INTO;
}

/* In the order of the steps: a place is used again by the thread whose blocks it has. Where a scope ends,
 * its blocks end without a step, and their places with them. */
static void
give_places(void)
{
  struct plan   *plan = now.plan;
  struct places *places = pages(plan->threads * sizeof *places);
  uint32_t      *place_of = pages(now.block_count * sizeof *place_of);
  size_t        *at = pages(plan->threads * sizeof *at);
  for (size_t i = 0; i < plan->steps; i++) {
    uint32_t       thread = now.order[i];
    struct places *own = &places[thread];
    struct step   *step = &plan->lists[thread].steps[at[thread]++];
    if (step->code == STEP_EPOCH || (step->code >= STEP_CREATE && step->code <= STEP_DESTROY))
      continue;
    uint32_t block = step->place;
    step->shared = now.blocks[block].shared;
    if (begins(step))
      place_of[block] = !step->shared && own->count > 0 ? own->free[--own->count] : plan->places++;
    step->place = place_of[block];
    if (step->code == STEP_FREE && !step->shared) {
      GROW(own->free, own->room, own->count + 1);
      own->free[own->count++] = step->place;
    }
  }
  plan->remains = pages(plan->summary.blocks * sizeof *plan->remains);
  for (size_t i = 0; i < now.blocks_at.room; i++) {
    uint32_t block = table_at(&now.blocks_at, i);
    if (block != NOTHING && (now.blocks[block].scope == NOTHING || !now.scoped))
      plan->remains[plan->remain++] = place_of[block];
  }
  for (size_t i = 0; i < plan->threads; i++)
    if (places[i].free)
      pages_free(places[i].free, places[i].room * sizeof *places[i].free);
  pages_free(places, plan->threads * sizeof *places);
  pages_free(place_of, now.block_count * sizeof *place_of);
  pages_free(at, plan->threads * sizeof *at);
}

/* Only what several threads do to a scope is done in turns. */
static void
give_turns(void)
{
  struct plan *plan = now.plan;
  plan->scopes = (uint32_t)now.scope_count;
  plan->open = pages(now.scope_count * sizeof *plan->open);
  for (size_t i = 0; i < now.scope_count; i++)
    if (now.scoped && !now.scopes[i].over)
      plan->open[plan->opened++] = (uint32_t)i;
  for (size_t i = 0; i < plan->threads; i++)
    for (size_t j = 0; j < plan->lists[i].count; j++) {
      struct step *step = &plan->lists[i].steps[j];
      if (step->scope != NOTHING && step->code != STEP_EPOCH && !now.scopes[step->scope].shared)
        step->turn = NOTHING;
    }
}

static void
clean_up(void)
{
  for (size_t i = 0; i < now.plan->threads; i++)
    if (now.here[i].stack)
      pages_free(now.here[i].stack, now.here[i].room * sizeof *now.here[i].stack);
  for (size_t i = 0; i < now.scope_count; i++)
    if (now.scopes[i].inside)
      pages_free(now.scopes[i].inside, now.scopes[i].room * sizeof *now.scopes[i].inside);
  pages_free(now.here, now.plan->threads * sizeof *now.here);
  pages_free(now.heap, 2 * now.plan->threads * sizeof *now.heap);
  if (now.order)
    pages_free(now.order, now.order_room * sizeof *now.order);
  if (now.blocks)
    pages_free(now.blocks, now.block_room * sizeof *now.blocks);
  if (now.scopes)
    pages_free(now.scopes, now.scope_room * sizeof *now.scopes);
  table_free(&now.blocks_at);
  table_free(&now.scopes_at);
}

void
plan_make(struct plan *plan, struct trace *trace, bool scoped, size_t epochs, size_t least)
{
  size_t threads = trace->threads;
  size_t steps = trace->length / 2 / epochs; /* about */
  *plan = (struct plan){.threads = threads};
  plan->lists = pages(threads * sizeof *plan->lists);
  memset(&now, 0, sizeof now);
  now.plan = plan;
  now.trace = trace;
  now.scoped = scoped;
  now.epoch_length = steps > least ? steps : least;
  now.here = pages(threads * sizeof *now.here);
  now.heap = pages(2 * threads * sizeof *now.heap);
  now.waiting = now.heap + threads;
  for (uint32_t i = 0; i < threads; i++) {
    now.here[i].operation = now.here[i].epoch = NOTHING;
    if (read_next(i))
      heap_push(i);
  }
  plan->summary.began = plan->summary.ended = trace->header.began;
  while (go_on())
    ;
  give_places();
  give_turns();
  clean_up();
}

const struct operation *
plan_operations(size_t *count)
{
  *count = operation_count;
  return operations;
}
