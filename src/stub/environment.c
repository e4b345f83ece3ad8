/* The scopes that a thread enters through the package. */
#include "stub/stub.h"

/* The last frame that Enable made. */
static struct sa_frame *
enabled(void)
{
  struct sa_frame *frame = sa_frame_top();
  while (frame && frame->maker != SA_MADE_BY_ENABLE)
    frame = frame->below;
  return frame;
}

RPC_STATUS RPC_ENTRY
RpcSmEnableAllocate(void)
{
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.name = "RpcSsEnableAllocate"});
  if (scope && sa_frame_push(scope, SA_MADE_BY_ENABLE) == 0)
    return RPC_S_OK;
  if (scope)
    sa_scope_destroy(scope);
  return RPC_S_OUT_OF_MEMORY;
}

void RPC_ENTRY
RpcSsEnableAllocate(void)
{
  sa_raise(RpcSmEnableAllocate(), "RpcSsEnableAllocate", "no memory");
}

RPC_STATUS RPC_ENTRY
RpcSmDisableAllocate(void)
{
  struct sa_frame *frame = enabled();
  if (frame)
    sa_frame_pop(frame);
  return RPC_S_OK;
}

void RPC_ENTRY
RpcSsDisableAllocate(void)
{
  RpcSmDisableAllocate();
}

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

RPC_STATUS RPC_ENTRY
RpcSmSetThreadHandle(RPC_SS_THREAD_HANDLE Id)
{
  struct sa_frame *set = sa_frame_top();
  if (Id == sa_scope_current())
    return RPC_S_OK;
  if (set && set->maker == SA_MADE_BY_HANDLE)
    sa_frame_pop(set);
  if (Id == sa_scope_current() || sa_frame_push(Id, SA_MADE_BY_HANDLE) == 0)
    return RPC_S_OK;
  return RPC_S_OUT_OF_MEMORY;
}

void RPC_ENTRY
RpcSsSetThreadHandle(RPC_SS_THREAD_HANDLE Id)
{
  sa_raise(RpcSmSetThreadHandle(Id), "RpcSsSetThreadHandle", "no memory");
}
