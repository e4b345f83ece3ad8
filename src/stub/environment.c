/* The scopes that a thread enters through the package. */
#include <errno.h>

#include "stub/stub.h"

/* --- Enable and Disable ----------------------------------------------------------------------- */

static RPC_STATUS
enable(const void *caller)
{
  const sa_scope_options options = {.name = "RpcSsEnableAllocate"};
  sa_scope              *scope = sa_scope_create_for(&options, caller);
  if (scope && sa_frame_push(scope, SA_MADE_BY_ENABLE) == 0)
    return RPC_S_OK;
  sa_scope_destroy(scope);
  return RPC_S_OUT_OF_MEMORY;
}

RPC_STATUS RPC_ENTRY
RpcSmEnableAllocate(void)
{
  return enable(__builtin_return_address(0));
}

void RPC_ENTRY
RpcSsEnableAllocate(void)
{
  sa_raise(enable(__builtin_return_address(0)), "RpcSsEnableAllocate", "no memory");
}

RPC_STATUS RPC_ENTRY
RpcSmDisableAllocate(void)
{
  struct sa_frame *frame = sa_frame_top();
  while (frame && frame->maker != SA_MADE_BY_ENABLE)
    frame = frame->below;
  if (frame)
    sa_frame_pop(frame);
  return RPC_S_OK;
}

void RPC_ENTRY
RpcSsDisableAllocate(void)
{
  RpcSmDisableAllocate();
}

/* --- handles ---------------------------------------------------------------------------------- */

RPC_SS_THREAD_HANDLE RPC_ENTRY
RpcSsGetThreadHandle(void)
{
  return sa_scope_current();
}

RPC_SS_THREAD_HANDLE RPC_ENTRY
RpcSmGetThreadHandle(RPC_STATUS *pStatus)
{
  if (pStatus)
    *pStatus = RPC_S_OK;
  return sa_scope_current();
}

static RPC_STATUS
status_of(int error)
{
  if (!error)
    return RPC_S_OK;
  return error == EINVAL ? RPC_S_INVALID_ARG : RPC_S_OUT_OF_MEMORY;
}

/* The frame of the Set before goes only when its scope is not wanted again: this thread may be the
 * last one that keeps it. */
RPC_STATUS RPC_ENTRY
RpcSmSetThreadHandle(RPC_SS_THREAD_HANDLE Id)
{
  if (Id == sa_scope_current())
    return RPC_S_OK;
  struct sa_frame *top = sa_frame_top();
  if (!top || top->maker != SA_MADE_BY_HANDLE)
    return status_of(sa_frame_push(Id, SA_MADE_BY_HANDLE));
  if (Id != top->below->arena->scope)
    return status_of(sa_frame_replace(Id, SA_MADE_BY_HANDLE));
  sa_frame_pop(top);
  return RPC_S_OK;
}

void RPC_ENTRY
RpcSsSetThreadHandle(RPC_SS_THREAD_HANDLE Id)
{
  RPC_STATUS status = RpcSmSetThreadHandle(Id);
  sa_raise(status, "RpcSsSetThreadHandle",
           status == RPC_S_INVALID_ARG ? "a handle that is none" : "no memory");
}
