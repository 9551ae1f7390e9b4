// Runs tables of system calls; aarch64. The steps are those of x86_64.S, the layout is in README.md.
//
//   x19 entry   x20 index   x21 entries   x22 report of a child, 0 in ctr_run   w23 flags

        .text
        .globl ctr_sys, ctr_run, ctr_clone, ctr_start, ctr_parameters

ctr_sys:
        mov     x8, x0
        mov     x0, x1
        mov     x1, x2
        mov     x2, x3
        mov     x3, x4
        mov     x4, x5
        mov     x5, x6
        svc     #0
        ret

ctr_run:
        stp     x19, x20, [sp, #-48]!
        stp     x21, x22, [sp, #16]
        str     x23, [sp, #32]
        mov     x19, x0
        mov     x21, x1
        mov     x22, #0
        b       start

ctr_clone:
        stp     x19, x20, [sp, #-48]!
        stp     x21, x22, [sp, #16]
        str     x23, [sp, #32]
        mov     x19, x0
        mov     x21, x1
        mov     x22, x4
        mov     x0, x2
        mov     x1, x3
        mov     x8, #435                        // clone3
        svc     #0
        cbnz    x0, return

start:  mov     x20, #0
next:   cmp     x20, x21
        b.hs    end
        ldp     w8, w23, [x19]
        ldp     x0, x1, [x19, #8]
        ldp     x2, x3, [x19, #24]
        ldp     x4, x5, [x19, #40]
        tbz     w23, #8, 1f                     // indirect arguments: load an earlier result
        ldr     x0, [x0]
1:      tbz     w23, #9, 2f
        ldr     x1, [x1]
2:      tbz     w23, #10, 3f
        ldr     x2, [x2]
3:      tbz     w23, #11, 4f
        ldr     x3, [x3]
4:      tbz     w23, #12, 5f
        ldr     x4, [x4]
5:      tbz     w23, #13, 6f
        ldr     x5, [x5]
6:      svc     #0
        cbz     x0, zero                        // a result of zero is there already, see x86_64.S
        str     x0, [x19, #56]
        tbnz    x0, #63, failed
        tbz     w23, #2, advance                // a positive result goes on at another entry
        lsr     w23, w23, #16
        sub     x0, x23, x20
        add     x19, x19, x0, lsl #6
        mov     x20, x23
        b       next
zero:   tbnz    w23, #1, report                 // a result of zero is a failure
advance:
        add     x19, x19, #64
        add     x20, x20, #1
        b       next
failed: cmn     x0, #4095
        b.lo    advance
        tbnz    w23, #0, advance                // failures are ignored
report: cbz     x22, finish
        str     x20, [x22]
        mov     x0, #127
exit:   mov     x8, #94                         // exit_group
        svc     #0
end:    mov     x0, #0
        cbnz    x22, exit
        mov     x20, #-1
finish: mov     x0, x20
return: ldp     x21, x22, [sp, #16]
        ldr     x23, [sp, #32]
        ldp     x19, x20, [sp], #48
        ret

ctr_start:
        adr     x24, parameters
        ldp     x0, x1, [x24]
        mov     x2, #3                          // PROT_READ | PROT_WRITE
        mov     x3, #1                          // MAP_SHARED | MAP_FIXED_NOREPLACE
        movk    x3, #0x10, lsl #16
        ldp     x4, x20, [x24, #16]
        mov     x5, #0
        mov     x8, #222                        // mmap
        svc     #0
        ldr     x19, [x24]
        cmp     x0, x19
        mov     x0, #127
        b.ne    exit
        add     x19, x19, x20, lsl #6
        ldp     x21, x22, [x24, #32]
        b       next

        .balign 8
ctr_parameters:
parameters:                                     // address, size, descriptor, index, entries, report
        .skip   48
