# The container's init for --init, x86-64: starts one command, forwards every signal to it, reaps
# orphans, and ends with the command's status (128+n for a signal). No data segment: all state is in
# registers and on the stack.
#
#   rbx argv of the command   r12 envp   r13 pid of the command   r14 seen EACCES   r15 PATH cursor
#   stack: 0 all-ones signal set, 8 saved signal set, 16 wait status / pid, 32 path buffer (4096)

        .set SYS_write, 1
        .set SYS_rt_sigprocmask, 14
        .set SYS_ioctl, 16
        .set SYS_fork, 57
        .set SYS_execve, 59
        .set SYS_exit_group, 231
        .set SYS_wait4, 61
        .set SYS_kill, 62
        .set SYS_setpgid, 109
        .set SYS_rt_sigtimedwait, 128
        .set TIOCSPGRP, 0x5410
        .set SIGCHLD, 17

        .text
        .globl _start
_start:
        mov     (%rsp), %rax
        lea     16(%rsp), %rbx                  # argv[1]
        lea     16(%rsp,%rax,8), %r12           # envp
        sub     $4160, %rsp
        and     $-16, %rsp
        mov     (%rbx), %rax
        test    %rax, %rax
        jz      usage
        cmpw    $0x2d2d, (%rax)                 # "--"
        jne     1f
        cmpb    $0, 2(%rax)
        jne     1f
        add     $8, %rbx
        cmpq    $0, (%rbx)
        je      usage

1:      movq    $-1, (%rsp)                     # every signal waits for rt_sigtimedwait
        mov     $2, %edi                        # SIG_SETMASK
        mov     %rsp, %rsi
        lea     8(%rsp), %rdx
        mov     $8, %r10d
        mov     $SYS_rt_sigprocmask, %eax
        syscall
        mov     $SYS_fork, %eax
        syscall
        test    %eax, %eax
        js      usage
        jz      child
        mov     %eax, %r13d

next_signal:
        mov     %rsp, %rdi
        xor     %esi, %esi
        xor     %edx, %edx
        mov     $8, %r10d
        mov     $SYS_rt_sigtimedwait, %eax
        syscall
        test    %eax, %eax
        js      next_signal                     # EINTR: stopped and continued
        cmp     $SIGCHLD, %eax
        je      reap
        mov     %r13d, %edi
        mov     %eax, %esi
        mov     $SYS_kill, %eax
        syscall
        jmp     next_signal

reap:   mov     $-1, %rdi
        lea     16(%rsp), %rsi
        mov     $1, %edx                        # WNOHANG
        xor     %r10d, %r10d
        mov     $SYS_wait4, %eax
        syscall
        test    %eax, %eax
        jle     next_signal
        cmp     %r13d, %eax
        jne     reap
        mov     16(%rsp), %eax
        mov     %eax, %edi
        and     $0x7f, %edi
        jnz     signaled
        movzbl  %ah, %edi
        jmp     exit
signaled:
        add     $128, %edi
exit:   mov     $SYS_exit_group, %eax
        syscall

child:  xor     %edi, %edi                      # a process group of its own, in the foreground
        xor     %esi, %esi
        mov     $SYS_setpgid, %eax
        syscall
        mov     $39, %eax                       # getpid
        syscall
        mov     %eax, 16(%rsp)
        xor     %edi, %edi
        mov     $TIOCSPGRP, %esi
        lea     16(%rsp), %rdx
        mov     $SYS_ioctl, %eax
        syscall
        mov     $2, %edi
        lea     8(%rsp), %rsi
        xor     %edx, %edx
        mov     $8, %r10d
        mov     $SYS_rt_sigprocmask, %eax
        syscall

        xor     %r14d, %r14d
        mov     (%rbx), %rsi                    # a slash in the name: no search
2:      lodsb
        cmp     $'/', %al
        je      exec_name
        test    %al, %al
        jnz     2b

        mov     %r12, %rsi                      # PATH from the environment
3:      mov     (%rsi), %rax
        test    %rax, %rax
        jz      failed
        add     $8, %rsi
        cmpl    $0x48544150, (%rax)             # "PATH"
        jne     3b
        cmpb    $'=', 4(%rax)
        jne     3b
        lea     5(%rax), %r15

segment:
        lea     32(%rsp), %rdi
        lea     4096(%rdi), %r8                 # end of the buffer
        mov     %r15, %rsi
4:      lodsb
        test    %al, %al
        jz      5f
        cmp     $':', %al
        je      5f
        cmp     %r8, %rdi
        jae     4b                              # too long: cut, execve fails with ENOENT
        stosb
        jmp     4b
5:      mov     %rsi, %r15                      # after the separator
        mov     %al, %r9b                       # which one: 0 ends the list
        lea     32(%rsp), %rax
        cmp     %rax, %rdi
        je      6f                              # empty segment: the working directory
        mov     $'/', %al
        stosb
6:      mov     (%rbx), %rsi
7:      lodsb
        cmp     %r8, %rdi
        ja      8f
        stosb
        test    %al, %al
        jnz     7b
        push    %r9
        lea     40(%rsp), %rdi
        mov     %rbx, %rsi
        mov     %r12, %rdx
        mov     $SYS_execve, %eax
        syscall
        pop     %r9
        cmp     $-13, %eax                      # EACCES: remember, go on
        jne     8f
        mov     $1, %r14d
8:      test    %r9b, %r9b
        jnz     segment
        jmp     failed

exec_name:
        mov     (%rbx), %rdi
        mov     %rbx, %rsi
        mov     %r12, %rdx
        mov     $SYS_execve, %eax
        syscall
        cmp     $-2, %eax                       # ENOENT is 127, all else 126
        je      failed
        mov     $1, %r14d
failed:
        lea     message(%rip), %rsi
        mov     $message_end - message, %edx
        mov     $2, %edi
        mov     $SYS_write, %eax
        syscall
        mov     $127, %edi
        sub     %r14d, %edi
        jmp     exit
usage:
        mov     $125, %edi
        jmp     exit
message:
        .ascii  "ctr-init: cannot execute the command: not found or not executable\n"
message_end:
