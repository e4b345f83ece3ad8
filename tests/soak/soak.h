/*
 * What the soak test mixes beside what the stress tests do. A step is a whole life: what it has taken,
 * it has given back at its end, but for blocks that it leaves to exchange.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef SOAK_H
#define SOAK_H

#include "../stress/exchange.h"
#include "../stress/scopes.h"

/* Scopes that the RpcSs package makes, shared with a thread that is made for it. */
void package_step(uint64_t *random);

/* Sections with a name, without one, and of a file, with scopes in them. */
void sections_step(uint64_t *random);
/* In the beginning, and in the end. */
void sections_begin(void);
void sections_finish(void);

#endif
