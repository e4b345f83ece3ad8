/*
 * A thread that a test leads through its steps, and the steps that several tests have.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ACTOR_H
#define ACTOR_H

#include "scope_test.h"

#include <semaphore.h>

/* A thread that goes through `steps` one by one, when it is told to. */
struct actor {
  pthread_t thread;
  sem_t     go, done;
  sa_scope *scope;
  void (*const *steps)(struct actor *);
  void *block;
};

static inline void *
act(void *argument)
{
  struct actor *actor = argument;
  for (unsigned i = 0; actor->steps[i]; i++) {
    sem_wait(&actor->go);
    actor->steps[i](actor);
    sem_post(&actor->done);
  }
  return NULL;
}

static inline void
start(struct actor *actor, sa_scope *scope, void (*const *steps)(struct actor *))
{
  actor->scope = scope;
  actor->steps = steps;
  sem_init(&actor->go, 0, 0);
  sem_init(&actor->done, 0, 0);
  assert_int_equal(pthread_create(&actor->thread, NULL, act, actor), 0);
}

static inline void
next(struct actor *actor)
{
  sem_post(&actor->go);
  sem_wait(&actor->done);
}

static inline void
end(struct actor *actor)
{
  pthread_join(actor->thread, NULL);
}

static inline void
enter(struct actor *actor)
{
  if (sa_scope_enter(actor->scope) != 0)
    abort();
}

static inline void
leave(struct actor *actor)
{
  sa_scope_leave(actor->scope);
}

static inline void
allocate(struct actor *actor)
{
  actor->block = sa_scope_alloc(actor->scope, 3000);
  if (!actor->block)
    abort();
  fill(actor->block, 3000, 9);
}

#endif
