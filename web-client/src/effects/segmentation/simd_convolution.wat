;; Pointwise and depthwise convolution, in which the network spends most of its time. Addresses are in
;; bytes; numbers are 32-bit floats.
(module
  (memory (export "memory") 1)

  ;; Computes a pointwise convolution (a matrix product) for four pixels and four outputs at a time, so
  ;; that every weight is read once for sixteen numbers.
  (func (export "pointwise")
    ;; Rows of $inputs; $pixels is a multiple of four.
    (param $values i32)
    ;; For every four outputs, four weights per input.
    (param $weights i32)
    ;; One per output.
    (param $bias i32)
    ;; Rows of $outputs, a multiple of four.
    (param $to i32)
    (param $pixels i32) (param $inputs i32) (param $outputs i32)
    (local $row i32) (local $target i32) (local $stride i32)
    (local $out i32) (local $pixel i32) (local $in i32) (local $weight i32) (local $value i32)
    (local $w v128) (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local.set $row (i32.shl (local.get $inputs) (i32.const 2)))
    (local.set $stride (i32.shl (local.get $outputs) (i32.const 2)))
    (loop $outs
      (local.set $pixel (i32.const 0))
      (local.set $value (local.get $values))
      (local.set $target
        (i32.add (local.get $to) (i32.shl (local.get $out) (i32.const 2))))
      (loop $groups
        (local.set $a
          (v128.load (i32.add (local.get $bias) (i32.shl (local.get $out) (i32.const 2)))))
        (local.set $b (local.get $a))
        (local.set $c (local.get $a))
        (local.set $d (local.get $a))
        (local.set $weight (local.get $weights))
        (local.set $in (local.get $row))
        (loop $ins
          (local.set $w (v128.load (local.get $weight)))
          (local.set $a (f32x4.add (local.get $a)
            (f32x4.mul (local.get $w) (v128.load32_splat (local.get $value)))))
          (local.set $b (f32x4.add (local.get $b)
            (f32x4.mul (local.get $w)
              (v128.load32_splat (i32.add (local.get $value) (local.get $row))))))
          (local.set $c (f32x4.add (local.get $c)
            (f32x4.mul (local.get $w)
              (v128.load32_splat
                (i32.add (local.get $value) (i32.mul (local.get $row) (i32.const 2)))))))
          (local.set $d (f32x4.add (local.get $d)
            (f32x4.mul (local.get $w)
              (v128.load32_splat
                (i32.add (local.get $value) (i32.mul (local.get $row) (i32.const 3)))))))
          (local.set $weight (i32.add (local.get $weight) (i32.const 16)))
          (local.set $value (i32.add (local.get $value) (i32.const 4)))
          (br_if $ins (local.tee $in (i32.sub (local.get $in) (i32.const 4)))))
        (v128.store (local.get $target) (local.get $a))
        (local.set $target (i32.add (local.get $target) (local.get $stride)))
        (v128.store (local.get $target) (local.get $b))
        (local.set $target (i32.add (local.get $target) (local.get $stride)))
        (v128.store (local.get $target) (local.get $c))
        (local.set $target (i32.add (local.get $target) (local.get $stride)))
        (v128.store (local.get $target) (local.get $d))
        (local.set $target (i32.add (local.get $target) (local.get $stride)))
        ;; Skip the three rows that were read beside the one that $value passed through.
        (local.set $value
          (i32.add (local.get $value) (i32.mul (local.get $row) (i32.const 3))))
        (br_if $groups
          (i32.lt_u
            (local.tee $pixel (i32.add (local.get $pixel) (i32.const 4)))
            (local.get $pixels))))
      (local.set $weights
        (i32.add (local.get $weights) (i32.shl (local.get $inputs) (i32.const 4))))
      (br_if $outs
        (i32.lt_u
          (local.tee $out (i32.add (local.get $out) (i32.const 4)))
          (local.get $outputs)))))

  ;; Computes one pixel of a depthwise convolution.
  (func (export "depthwise")
    ;; The first pixel and the first weight under the filter.
    (param $values i32) (param $weights i32)
    (param $bias i32) (param $to i32)
    ;; The rows and columns of the filter that overlap the input.
    (param $rows i32) (param $columns i32)
    ;; The size in bytes of a row of the input, of a row of the filter, and of a pixel; a pixel is a
    ;; multiple of sixteen.
    (param $width i32) (param $filter i32) (param $depth i32)
    (local $at i32) (local $row i32) (local $column i32) (local $value i32) (local $weight i32)
    (local $sum v128)
    (loop $channels
      (local.set $sum (v128.load (i32.add (local.get $bias) (local.get $at))))
      (local.set $row (i32.const 0))
      (loop $down
        (local.set $value
          (i32.add (i32.add (local.get $values) (local.get $at))
            (i32.mul (local.get $row) (local.get $width))))
        (local.set $weight
          (i32.add (i32.add (local.get $weights) (local.get $at))
            (i32.mul (local.get $row) (local.get $filter))))
        (local.set $column (local.get $columns))
        (loop $right
          (local.set $sum (f32x4.add (local.get $sum)
            (f32x4.mul (v128.load (local.get $value)) (v128.load (local.get $weight)))))
          (local.set $value (i32.add (local.get $value) (local.get $depth)))
          (local.set $weight (i32.add (local.get $weight) (local.get $depth)))
          (br_if $right
            (local.tee $column (i32.sub (local.get $column) (i32.const 1)))))
        (br_if $down
          (i32.lt_u
            (local.tee $row (i32.add (local.get $row) (i32.const 1)))
            (local.get $rows))))
      (v128.store (i32.add (local.get $to) (local.get $at)) (local.get $sum))
      (br_if $channels
        (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.const 16)))
          (local.get $depth))))))
