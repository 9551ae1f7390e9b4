// The container's init for --init, aarch64: the same steps as x86_64.S, see there.
//
//   x19 argv of the command   x20 envp   x21 pid of the command   x22 seen EACCES   x23 PATH cursor
//   stack: 0 all-ones signal set, 8 saved signal set, 16 wait status / pid, 32 path buffer (4096)

        .set SYS_ioctl, 29
        .set SYS_write, 64
        .set SYS_exit_group, 94
        .set SYS_kill, 129
        .set SYS_rt_sigprocmask, 135
        .set SYS_rt_sigtimedwait, 137
        .set SYS_setpgid, 154
        .set SYS_getpid, 172
        .set SYS_clone, 220
        .set SYS_execve, 221
        .set SYS_wait4, 260
        .set TIOCSPGRP, 0x5410
        .set SIGCHLD, 17

        .text
        .globl _start
_start:
        ldr     x0, [sp]
        add     x19, sp, #16                    // argv[1]
        add     x20, x19, x0, lsl #3            // envp
        sub     sp, sp, #4096
        sub     sp, sp, #64
        ldr     x0, [x19]
        cbz     x0, usage
        ldrb    w1, [x0]                        // "--"
        cmp     w1, #'-'
        b.ne    1f
        ldrb    w1, [x0, #1]
        cmp     w1, #'-'
        b.ne    1f
        ldrb    w1, [x0, #2]
        cbnz    w1, 1f
        add     x19, x19, #8
        ldr     x0, [x19]
        cbz     x0, usage

1:      mov     x0, #-1                         // every signal waits for rt_sigtimedwait
        str     x0, [sp]
        mov     x0, #2                          // SIG_SETMASK
        mov     x1, sp
        add     x2, sp, #8
        mov     x3, #8
        mov     x8, #SYS_rt_sigprocmask
        svc     #0
        mov     x0, #SIGCHLD                    // fork
        mov     x1, #0
        mov     x2, #0
        mov     x3, #0
        mov     x4, #0
        mov     x8, #SYS_clone
        svc     #0
        cmp     x0, #0
        b.lt    usage
        b.eq    child
        mov     x21, x0

next_signal:
        mov     x0, sp
        mov     x1, #0
        mov     x2, #0
        mov     x3, #8
        mov     x8, #SYS_rt_sigtimedwait
        svc     #0
        cmp     x0, #0
        b.lt    next_signal                     // EINTR: stopped and continued
        cmp     x0, #SIGCHLD
        b.eq    reap
        mov     x1, x0
        mov     x0, x21
        mov     x8, #SYS_kill
        svc     #0
        b       next_signal

reap:   mov     x0, #-1
        add     x1, sp, #16
        mov     x2, #1                          // WNOHANG
        mov     x3, #0
        mov     x8, #SYS_wait4
        svc     #0
        cmp     x0, #0
        b.le    next_signal
        cmp     x0, x21
        b.ne    reap
        ldr     w1, [sp, #16]
        ands    w0, w1, #0x7f
        b.ne    signaled
        ubfx    w0, w1, #8, #8
        b       exit
signaled:
        add     w0, w0, #128
exit:   mov     x8, #SYS_exit_group
        svc     #0

child:  mov     x0, #0                          // a process group of its own, in the foreground
        mov     x1, #0
        mov     x8, #SYS_setpgid
        svc     #0
        mov     x8, #SYS_getpid
        svc     #0
        str     w0, [sp, #16]
        mov     x0, #0
        mov     x1, #TIOCSPGRP
        add     x2, sp, #16
        mov     x8, #SYS_ioctl
        svc     #0
        mov     x0, #2
        add     x1, sp, #8
        mov     x2, #0
        mov     x3, #8
        mov     x8, #SYS_rt_sigprocmask
        svc     #0

        mov     x22, #0
        ldr     x1, [x19]                       // a slash in the name: no search
2:      ldrb    w0, [x1], #1
        cmp     w0, #'/'
        b.eq    exec_name
        cbnz    w0, 2b

        mov     x1, x20                         // PATH from the environment
3:      ldr     x0, [x1], #8
        cbz     x0, failed
        ldrb    w2, [x0]
        cmp     w2, #'P'
        b.ne    3b
        ldrb    w2, [x0, #1]
        cmp     w2, #'A'
        b.ne    3b
        ldrb    w2, [x0, #2]
        cmp     w2, #'T'
        b.ne    3b
        ldrb    w2, [x0, #3]
        cmp     w2, #'H'
        b.ne    3b
        ldrb    w2, [x0, #4]
        cmp     w2, #'='
        b.ne    3b
        add     x23, x0, #5

segment:
        add     x10, sp, #32
        mov     x11, x10
        add     x12, x10, #4096                 // end of the buffer
4:      ldrb    w9, [x23], #1
        cbz     w9, 5f
        cmp     w9, #':'
        b.eq    5f
        cmp     x11, x12
        b.hs    4b                              // too long: cut, execve fails with ENOENT
        strb    w9, [x11], #1
        b       4b
5:      cmp     x11, x10
        b.eq    6f                              // empty segment: the working directory
        mov     w0, #'/'
        strb    w0, [x11], #1
6:      ldr     x1, [x19]
7:      cmp     x11, x12
        b.hi    8f
        ldrb    w0, [x1], #1
        strb    w0, [x11], #1
        cbnz    w0, 7b
        mov     x0, x10
        mov     x1, x19
        mov     x2, x20
        mov     x8, #SYS_execve
        svc     #0
        cmn     x0, #13                         // EACCES: remember, go on
        b.ne    8f
        mov     x22, #1
8:      cbnz    w9, segment
        b       failed

exec_name:
        ldr     x0, [x19]
        mov     x1, x19
        mov     x2, x20
        mov     x8, #SYS_execve
        svc     #0
        cmn     x0, #2                          // ENOENT is 127, all else 126
        b.eq    failed
        mov     x22, #1
failed:
        adr     x1, message
        mov     x2, #message_end - message
        mov     x0, #2
        mov     x8, #SYS_write
        svc     #0
        mov     x0, #127
        sub     x0, x0, x22
        b       exit
usage:
        mov     x0, #125
        b       exit
message:
        .ascii  "ctr-init: cannot execute the command: not found or not executable\n"
message_end:
