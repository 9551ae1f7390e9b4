# Runs tables of system calls; x86-64. The layout of an entry is in README.md beside this file.
#
#   long ctr_sys(nr, a0, a1, a2, a3, a4, a5)                      one call; its result or -errno
#   long ctr_run(table, entries)                                  index of the failed entry, or -1
#   long ctr_clone(table, entries, clone_args, size, report)      pid or -errno; the child runs the table
#   ctr_start                  the entry of a program of its own: maps the table and runs it as a child does
#
#   r12 entry   r13 index   r14 entries   r15 report of a child, 0 in ctr_run   rbx flags
# The loop touches no stack, so that a nested clone with shared memory may go on in it on both sides.

        .text
        .globl ctr_sys, ctr_run, ctr_clone, ctr_start, ctr_parameters

ctr_sys:
        mov     %rdi, %rax
        mov     %rsi, %rdi
        mov     %rdx, %rsi
        mov     %rcx, %rdx
        mov     %r8, %r10
        mov     %r9, %r8
        mov     8(%rsp), %r9
        syscall
        ret

ctr_run:
        push    %rbx
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        mov     %rdi, %r12
        mov     %rsi, %r14
        xor     %r15d, %r15d
        jmp     start

ctr_clone:
        push    %rbx
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        mov     %rdi, %r12
        mov     %rsi, %r14
        mov     %r8, %r15
        mov     %rdx, %rdi
        mov     %rcx, %rsi
        mov     $435, %eax                      # clone3
        syscall
        test    %rax, %rax
        jnz     return

start:  xor     %r13d, %r13d
next:   cmp     %r14, %r13
        jae     end
        mov     4(%r12), %ebx
        mov     8(%r12), %rdi
        mov     16(%r12), %rsi
        mov     24(%r12), %rdx
        mov     32(%r12), %r10
        mov     40(%r12), %r8
        mov     48(%r12), %r9
        test    $0x3f00, %ebx                   # indirect arguments: load an earlier result
        jz      call
        test    $0x100, %ebx
        jz      1f
        mov     (%rdi), %rdi
1:      test    $0x200, %ebx
        jz      2f
        mov     (%rsi), %rsi
2:      test    $0x400, %ebx
        jz      3f
        mov     (%rdx), %rdx
3:      test    $0x800, %ebx
        jz      4f
        mov     (%r10), %r10
4:      test    $0x1000, %ebx
        jz      5f
        mov     (%r8), %r8
5:      test    $0x2000, %ebx
        jz      call
        mov     (%r9), %r9
call:   mov     (%r12), %eax
        syscall
        test    %rax, %rax                      # a result of zero is there already; storing it
        jz      zero                            # would race with the other side of a shared clone
        mov     %rax, 56(%r12)
        js      failed
        test    $4, %bl                         # a positive result goes on at another entry
        jz      advance
        shr     $16, %ebx
        mov     %rbx, %rax
        sub     %r13, %rax
        shl     $6, %rax
        add     %rax, %r12
        mov     %rbx, %r13
        jmp     next
zero:   test    $2, %bl                         # a result of zero is a failure
        jnz     report
advance:
        add     $64, %r12
        inc     %r13
        jmp     next
failed: cmp     $-4095, %rax                    # addresses look negative to nobody, but be exact
        jb      advance
        test    $1, %bl                         # failures are ignored
        jnz     advance
report: test    %r15, %r15
        jz      finish
        mov     %r13, (%r15)
        mov     $127, %edi
exit:   mov     $231, %eax                      # exit_group
        syscall
end:    test    %r15, %r15
        mov     $0, %edi
        jnz     exit
        mov     $-1, %r13
finish: mov     %r13, %rax
return: pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbx
        ret

ctr_start:
        lea     parameters(%rip), %rbp
        mov     (%rbp), %rdi
        mov     8(%rbp), %rsi
        mov     $3, %edx                        # PROT_READ | PROT_WRITE
        mov     $0x100001, %r10d                # MAP_SHARED | MAP_FIXED_NOREPLACE
        mov     16(%rbp), %r8
        xor     %r9d, %r9d
        mov     $9, %eax                        # mmap
        syscall
        mov     $127, %edi
        cmp     (%rbp), %rax
        jne     exit
        mov     24(%rbp), %r13
        mov     32(%rbp), %r14
        mov     40(%rbp), %r15
        mov     %r13, %r12
        shl     $6, %r12
        add     %rax, %r12
        jmp     next

        .balign 8
ctr_parameters:
parameters:                                     # address, size, descriptor, index, entries, report
        .skip   48
