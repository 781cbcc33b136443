// Written in assembly because it is data: the bytes must be the same under every compiler, with
// sanitizers, profiles or without optimization, and may call nothing.
#include "harness/os/clock_hook.h"

#include "harness/core/check.h"

#if defined(__x86_64__)
// Registers of clock_gettime below: rbx the caller's timespec, r12d the clock, r13d the generation,
// r14 the time asked for and r15 the time of day, both in nanoseconds.
__asm__(R"(
  .pushsection .rodata.faultline_clock_hook,"a",@progbits
  .balign 32
  .globl faultline_hook_begin
  .hidden faultline_hook_begin
  .globl faultline_hook_end
  .hidden faultline_hook_end
  .globl faultline_hook_gettime
  .hidden faultline_hook_gettime
  .globl faultline_hook_gettimeofday
  .hidden faultline_hook_gettimeofday
  .globl faultline_hook_time
  .hidden faultline_hook_time
faultline_hook_begin:
  .zero 8                         # magic
.Lfl_generation:
  .zero 8
.Lfl_slots:
  .zero 208
.Lfl_original:
  .zero 40
  .zero 24                        # saved

faultline_hook_gettime:
.Lfl_gettime:                     # int (clockid_t edi, timespec* rsi)
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  sub $16, %rsp                   # room for a timespec; the calls are aligned
  mov %edi, %r12d
  mov %rsi, %rbx
  call .Lfl_original
  test %eax, %eax
  jnz .Lfl_out
  cmp $11, %r12d
  ja .Lfl_out
  imul $1000000000, (%rbx), %r14
  add 8(%rbx), %r14
  mov %r14, %r15
  cmp $11, %r12d
  jne .Lfl_shift
  xor %edi, %edi                  # TAI is seconds ahead: shifts count by the time of day
  mov %rsp, %rsi
  call .Lfl_original
  test %eax, %eax
  jnz .Lfl_out
  imul $1000000000, (%rsp), %r15
  add 8(%rsp), %r15
.Lfl_shift:
  mov .Lfl_generation(%rip), %r13d
  mov %r13d, %eax
  and $1, %eax
  imul $104, %rax, %rax
  lea .Lfl_slots(%rip), %r8
  add %rax, %r8                   # the slot that holds
  mov (%r8), %rax
  bt %r12, %rax
  jnc .Lfl_unshifted
  mov %r15, %rax                  # (time - origin) * rate >> 32, in 128 bits
  sub 16(%r8), %rax
  imulq 24(%r8)
  shrd $32, %rdx, %rax
  add 8(%r8), %rax
  mov %rax, %r9                   # the sum
  lea 32(%r8), %r10
  lea 104(%r8), %r11
.Lfl_strobe:
  mov 8(%r10), %rcx               # half a period
  test %rcx, %rcx
  jle .Lfl_strobed
  mov %r15, %rax
  sub 16(%r10), %rax
  js .Lfl_next                    # not begun
  xor %edx, %edx
  div %rcx
  test $1, %al
  jnz .Lfl_next                   # the half in which it shifts nothing
  add (%r10), %r9
.Lfl_next:
  add $24, %r10
  cmp %r11, %r10
  jne .Lfl_strobe
.Lfl_strobed:
  cmp %r13d, .Lfl_generation(%rip)
  jne .Lfl_shift
  add %r14, %r9
  jns .Lfl_positive
  xor %r9d, %r9d                  # no time before 1970
.Lfl_positive:
  mov %r9, %rax                   # / 1000000000, by multiplication
  shr $9, %rax
  movabs $19342813113834067, %rcx
  mul %rcx
  shr $11, %rdx
  imul $1000000000, %rdx, %rax
  sub %rax, %r9
  mov %rdx, (%rbx)
  mov %r9, 8(%rbx)
.Lfl_done:
  xor %eax, %eax
.Lfl_out:
  add $16, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  ret
.Lfl_unshifted:                   # a slot half written is no answer either
  cmp %r13d, .Lfl_generation(%rip)
  jne .Lfl_shift
  jmp .Lfl_done

faultline_hook_gettimeofday:      # int (timeval* rdi, timezone* rsi)
  push %rbx
  push %r12
  sub $24, %rsp
  mov %rdi, %rbx
  mov %rsi, %r12
  test %rdi, %rdi
  jz .Lfl_zone
  xor %edi, %edi
  mov %rsp, %rsi
  call .Lfl_gettime
  test %eax, %eax
  jnz .Lfl_day_out
  mov (%rsp), %rax
  mov %rax, (%rbx)
  mov 8(%rsp), %eax               # below 2^30
  xor %edx, %edx
  mov $1000, %ecx
  div %ecx
  mov %rax, 8(%rbx)
.Lfl_zone:
  xor %eax, %eax
  test %r12, %r12
  jz .Lfl_day_out
  movq $0, (%r12)                 # the kernel's own time zone, which nobody sets
.Lfl_day_out:
  add $24, %rsp
  pop %r12
  pop %rbx
  ret

faultline_hook_time:              # time_t (time_t* rdi)
  push %rbx
  sub $16, %rsp
  mov %rdi, %rbx
  mov $5, %edi                    # as the original, which goes by the coarse clock
  mov %rsp, %rsi
  call .Lfl_gettime
  mov (%rsp), %rax
  test %rbx, %rbx
  jz .Lfl_time_out
  mov %rax, (%rbx)
.Lfl_time_out:
  add $16, %rsp
  pop %rbx
  ret
faultline_hook_end:
  .popsection
)");

extern "C" {
extern const std::uint8_t faultline_hook_begin[], faultline_hook_end[], faultline_hook_gettime[],
    faultline_hook_gettimeofday[], faultline_hook_time[];
}
#endif

namespace faultline {

#if defined(__x86_64__)
std::span<const std::uint8_t> hook_block() { return {faultline_hook_begin, faultline_hook_end}; }

std::array<std::size_t, 3> hook_entry_offsets() {
  const auto offset = [](const std::uint8_t* label) {
    return static_cast<std::size_t>(label - faultline_hook_begin);
  };
  FAULTLINE_CHECK(offset(faultline_hook_gettime) == sizeof(HookHead));
  return {offset(faultline_hook_gettime), offset(faultline_hook_gettimeofday),
          offset(faultline_hook_time)};
}
#else
// The place for another architecture's code, with its own jumps in vdso.cc and thread_stop.cc.
std::span<const std::uint8_t> hook_block() { return {}; }
std::array<std::size_t, 3> hook_entry_offsets() { return {}; }
#endif

}  // namespace faultline
