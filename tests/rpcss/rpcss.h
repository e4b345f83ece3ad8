/*
 * What every test of the RpcSs package includes. What RpcSs* raise is noted here, and the function
 * that failed returns.
 *
 * The rules under test are Microsoft's, in words of our own; where stuballoc promises more than
 * they do, the test's comment says so.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RPCSS_H
#define RPCSS_H

#include "unit.h"

#include <stuballoc/midl.h>
#include <stuballoc/rpcss.h>

/* The status raised last; RPC_S_OK when nothing was raised since it was set to that. */
extern RPC_STATUS raised;

/* As a setup of each test: notes what is raised, and expects the thread to be in no scope. */
int note_raised(void **state);
/* As a teardown: whatever the test did, it left no scope behind. */
int expect_no_scope(void **state);

#define rpcss_test(function) cmocka_unit_test_setup_teardown(function, note_raised, expect_no_scope)

/* Runs `body(argument)` in a thread of its own, to its end. */
void in_thread(void *(*body)(void *), void *argument);

/* Enters a scope of `most` bytes, which those that are created inside it cannot exceed together; and
 * ends it. So a test finds out whether their memory is given back. */
sa_scope *enter_budget(size_t most);
void      leave_budget(sa_scope *scope);

/* The child died of abort, after a line that starts with "stuballoc: " and has `part` in it. */
void assert_aborted_saying(const struct child *child, const char *part);

#endif
