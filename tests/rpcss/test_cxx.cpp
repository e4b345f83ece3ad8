/* Scopes in C++: guards and the memory resource; exceptions through RpcSs*.
 * SPDX-License-Identifier: MIT */
#include <stuballoc/concurrency.hpp>
#include <stuballoc/midl.h>
#include <stuballoc/rpcss.h>

#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <list>
#include <map>
#include <memory_resource>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

extern "C" {
#include <cmocka.h>
}

namespace {

using stuballoc::scope_entry;
using stuballoc::scope_guard;
using stuballoc::scope_resource;

sa_scope_options
budget_of_a_mebibyte()
{
  sa_scope_options options = sa_scope_options();
  options.budget = 1024 * 1024;
  return options;
}

/* --- guards --------------------------------------------------------------------------------- */

void
a_guard_puts_its_thread_into_a_scope_until_its_end(void **)
{
  {
    scope_guard guard;
    assert_ptr_equal(sa_scope_current(), guard.get());
    assert_non_null(midl_user_allocate(100));
    {
      scope_guard inner;
      assert_ptr_equal(sa_scope_current(), inner.get());
    }
    assert_ptr_equal(sa_scope_current(), guard.get());
  }
  assert_null(sa_scope_current());
}

void
a_guard_ends_when_an_exception_leaves_its_block(void **)
{
  bool caught = false;
  try {
    scope_guard guard;
    throw std::runtime_error("left");
  } catch (const std::runtime_error &) {
    caught = true;
  }
  assert_true(caught);
  assert_null(sa_scope_current());
}

void
a_guard_takes_the_options_of_its_scope(void **)
{
  scope_guard guard(budget_of_a_mebibyte());
  assert_null(sa_scope_alloc(guard.get(), 2 * 1024 * 1024));
  assert_non_null(sa_scope_alloc(guard.get(), 100));
}

void
an_entry_shares_the_scope_of_another_thread(void **)
{
  scope_guard guard;
  char       *block = nullptr;
  bool        inside = false, out_again = false;
  std::thread([&] {
    {
      scope_entry entry(guard.get());
      inside = sa_scope_current() == guard.get() && entry.get() == guard.get();
      block = static_cast<char *>(midl_user_allocate(100));
    }
    out_again = sa_scope_current() == nullptr;
  }).join();
  assert_true(inside);
  assert_true(out_again);
  std::memset(block, 1, 100);
  midl_user_free(block);
}

/* --- the memory resource -------------------------------------------------------------------- */

void
a_pmr_vector_lives_in_a_scope(void **)
{
  scope_guard           guard;
  scope_resource        resource(guard.get());
  std::pmr::vector<int> numbers(&resource);
  for (int i = 0; i < 100 * 1000; i++)
    numbers.push_back(i);
  for (int i = 0; i < 100 * 1000; i++)
    if (numbers[static_cast<std::size_t>(i)] != i)
      fail();
}

void
a_pmr_string_lives_in_a_scope(void **)
{
  scope_guard      guard;
  scope_resource   resource(guard.get());
  std::pmr::string text(&resource);
  for (int i = 0; i < 1000; i++)
    text += "a stub's string ";
  assert_int_equal(text.size(), 16 * 1000);
  assert_int_equal(text.rfind("a stub's string "), 16 * 999);
}

void
containers_of_containers_pass_the_resource_on(void **)
{
  scope_guard    guard;
  scope_resource resource(guard.get());
  {
    std::pmr::map<int, std::pmr::vector<std::pmr::string>> map(&resource);
    for (int i = 0; i < 1000; i++)
      map[i % 10].emplace_back("longer than what a string holds without any memory");
    for (auto &entry : map)
      for (auto &text : entry.second)
        assert_ptr_equal(text.get_allocator().resource(), &resource);
  }
}

void
a_container_takes_its_memory_from_the_scope(void **)
{
  scope_guard            guard(budget_of_a_mebibyte());
  scope_resource         resource(guard.get());
  std::pmr::vector<char> bytes(&resource);
  bool                   thrown = false;
  try {
    bytes.resize(2 * 1024 * 1024);
  } catch (const std::bad_alloc &) {
    thrown = true;
  }
  assert_true(thrown);
  bytes.resize(1024);
}

void
what_a_container_gives_back_is_used_again(void **)
{
  scope_guard    guard(budget_of_a_mebibyte());
  scope_resource resource(guard.get());
  for (int i = 0; i < 10 * 1000; i++) {
    std::pmr::list<std::pmr::string> list(&resource);
    for (int j = 0; j < 10; j++)
      list.emplace_back("longer than what a string holds without any memory");
  }
}

/* Nothing here is destroyed but the scope. */
void
a_container_need_not_give_anything_back(void **)
{
  scope_guard around(budget_of_a_mebibyte());
  for (int i = 0; i < 100; i++) {
    scope_guard    guard;
    scope_resource resource(guard.get());
    void          *memory = sa_scope_alloc(guard.get(), sizeof(std::pmr::vector<char>));
    auto          *bytes = new (memory) std::pmr::vector<char>(&resource);
    bytes->resize(100 * 1024);
  }
}

void
every_alignment_is_kept(void **)
{
  scope_guard    guard;
  scope_resource resource(guard.get());
  for (std::size_t alignment = 1; alignment <= 8192; alignment *= 2)
    for (std::size_t size = 0; size <= 3000; size = size * 2 + 1) {
      void *one = resource.allocate(size, alignment), *other = resource.allocate(size, alignment);
      assert_int_equal(reinterpret_cast<std::uintptr_t>(one) % alignment, 0);
      assert_int_equal(reinterpret_cast<std::uintptr_t>(other) % alignment, 0);
      std::memset(one, 1, size);
      std::memset(other, 2, size);
      resource.deallocate(one, size, alignment);
      resource.deallocate(other, size, alignment);
    }
}

void
a_size_that_no_alignment_can_be_added_to_is_bad_alloc(void **)
{
  scope_guard                guard;
  scope_resource             resource(guard.get());
  const volatile std::size_t too_big = SIZE_MAX;
  for (std::size_t alignment = 1; alignment <= 4096; alignment *= 16) {
    bool thrown = false;
    try {
      resource.deallocate(resource.allocate(too_big, alignment), too_big, alignment);
    } catch (const std::bad_alloc &) {
      thrown = true;
    }
    assert_true(thrown);
  }
}

void
resources_are_equal_when_their_scope_is_the_same(void **)
{
  scope_guard    guard, other;
  scope_resource one(guard.get()), same(guard.get()), different(other.get());
  assert_true(one == same);
  assert_false(one == different);
  assert_false(one == *std::pmr::new_delete_resource());
  assert_ptr_equal(one.scope(), guard.get());
}

/* --- exceptions ----------------------------------------------------------------------------- */

void
throw_status(RPC_STATUS status)
{
  throw status;
}

void
what_RpcSs_raise_may_be_thrown_as_a_C_plus_plus_exception(void **)
{
  RPC_STATUS caught = RPC_S_OK;
  sa_set_raise_handler(throw_status);
  try {
    RpcSsAllocate(100);
  } catch (RPC_STATUS status) {
    caught = status;
  }
  sa_set_raise_handler(nullptr);
  assert_int_equal(caught, RPC_S_INVALID_ARG);
}

} // namespace

int
main()
{
  const CMUnitTest tests[] = {
    cmocka_unit_test(a_guard_puts_its_thread_into_a_scope_until_its_end),
    cmocka_unit_test(a_guard_ends_when_an_exception_leaves_its_block),
    cmocka_unit_test(a_guard_takes_the_options_of_its_scope),
    cmocka_unit_test(an_entry_shares_the_scope_of_another_thread),
    cmocka_unit_test(a_pmr_vector_lives_in_a_scope),
    cmocka_unit_test(a_pmr_string_lives_in_a_scope),
    cmocka_unit_test(containers_of_containers_pass_the_resource_on),
    cmocka_unit_test(a_container_takes_its_memory_from_the_scope),
    cmocka_unit_test(what_a_container_gives_back_is_used_again),
    cmocka_unit_test(a_container_need_not_give_anything_back),
    cmocka_unit_test(every_alignment_is_kept),
    cmocka_unit_test(a_size_that_no_alignment_can_be_added_to_is_bad_alloc),
    cmocka_unit_test(resources_are_equal_when_their_scope_is_the_same),
    cmocka_unit_test(what_RpcSs_raise_may_be_thrown_as_a_C_plus_plus_exception),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
