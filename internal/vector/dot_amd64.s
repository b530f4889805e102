#include "textflag.h"

// func dotsVNNI(u *uint8, s *int8, size, n int, out *int32)
// Four rows at a time share each load of u. size is a multiple of 64 and not zero.
TEXT ·dotsVNNI(SB), NOSPLIT, $0-40
	MOVQ u+0(FP), SI
	MOVQ s+8(FP), R8
	MOVQ size+16(FP), CX
	MOVQ n+24(FP), DX
	MOVQ out+32(FP), DI

four:
	CMPQ DX, $4
	JLT  one
	LEAQ (R8)(CX*1), R9
	LEAQ (R9)(CX*1), R10
	LEAQ (R10)(CX*1), R11
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3
	XORQ AX, AX

fourblock:
	VMOVDQU64 (SI)(AX*1), Z4
	VPDPBUSD (R8)(AX*1), Z4, Z0
	VPDPBUSD (R9)(AX*1), Z4, Z1
	VPDPBUSD (R10)(AX*1), Z4, Z2
	VPDPBUSD (R11)(AX*1), Z4, Z3
	ADDQ $64, AX
	CMPQ AX, CX
	JLT  fourblock

	// Each accumulator has 16 sums; fold to 8, then to 4, transposing the four rows by horizontal adds.
	VEXTRACTI64X4 $1, Z0, Y4
	VEXTRACTI64X4 $1, Z1, Y5
	VEXTRACTI64X4 $1, Z2, Y6
	VEXTRACTI64X4 $1, Z3, Y7
	VPADDD Y4, Y0, Y0
	VPADDD Y5, Y1, Y1
	VPADDD Y6, Y2, Y2
	VPADDD Y7, Y3, Y3
	VPHADDD Y1, Y0, Y0
	VPHADDD Y3, Y2, Y2
	VPHADDD Y2, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPADDD X1, X0, X0
	VMOVDQU X0, (DI)
	ADDQ $16, DI
	LEAQ (R11)(CX*1), R8
	SUBQ $4, DX
	JMP  four

one:
	TESTQ DX, DX
	JZ    done
	VPXORQ Z0, Z0, Z0
	XORQ AX, AX

oneblock:
	VMOVDQU64 (SI)(AX*1), Z4
	VPDPBUSD (R8)(AX*1), Z4, Z0
	ADDQ $64, AX
	CMPQ AX, CX
	JLT  oneblock
	VEXTRACTI64X4 $1, Z0, Y4
	VPADDD Y4, Y0, Y0
	VPHADDD Y0, Y0, Y0
	VPHADDD Y0, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPADDD X1, X0, X0
	VMOVD X0, (DI)
	ADDQ $4, DI
	ADDQ CX, R8
	DECQ DX
	JMP  one

done:
	VZEROUPPER
	RET

// func dotsAVX2(u *uint8, s *int8, size, n int, out *int32)
// Bytes are widened to words: VPMADDUBSW would saturate. size is a multiple of 64 and not zero.
TEXT ·dotsAVX2(SB), NOSPLIT, $0-40
	MOVQ u+0(FP), SI
	MOVQ s+8(FP), R8
	MOVQ size+16(FP), CX
	MOVQ n+24(FP), DX
	MOVQ out+32(FP), DI

row:
	TESTQ DX, DX
	JZ    end
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	XORQ AX, AX

words:
	VPMOVZXBW (SI)(AX*1), Y2
	VPMOVSXBW (R8)(AX*1), Y3
	VPMADDWD Y3, Y2, Y2
	VPADDD Y2, Y0, Y0
	VPMOVZXBW 16(SI)(AX*1), Y4
	VPMOVSXBW 16(R8)(AX*1), Y5
	VPMADDWD Y5, Y4, Y4
	VPADDD Y4, Y1, Y1
	ADDQ $32, AX
	CMPQ AX, CX
	JLT  words
	VPADDD Y1, Y0, Y0
	VPHADDD Y0, Y0, Y0
	VPHADDD Y0, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPADDD X1, X0, X0
	VMOVD X0, (DI)
	ADDQ $4, DI
	ADDQ CX, R8
	DECQ DX
	JMP  row

end:
	VZEROUPPER
	RET

// func estimateVPOPCNT(planes, bits *uint64, words, groups int, factor, ones *float32, abc *[5]float32, out *float32, above *uint8)
// Eight rows at a time. Reads eight factors and ones for each group, writes eight numbers, and a byte that says
// which of them are above abc[4].
TEXT ·estimateVPOPCNT(SB), NOSPLIT, $0-72
	MOVQ planes+0(FP), SI
	MOVQ bits+8(FP), R8
	MOVQ words+16(FP), CX
	MOVQ groups+24(FP), DX
	MOVQ factor+32(FP), R9
	MOVQ ones+40(FP), R10
	MOVQ abc+48(FP), R11
	MOVQ out+56(FP), DI
	MOVQ above+64(FP), R12
	VBROADCASTSS (R11), Y20
	VBROADCASTSS 4(R11), Y21
	VBROADCASTSS 8(R11), Y22
	VBROADCASTSS 12(R11), Y23
	VBROADCASTSS 16(R11), Y24

group:
	TESTQ DX, DX
	JZ    finish
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3
	MOVQ SI, AX
	MOVQ CX, BX

word:
	VMOVDQU64 (R8), Z8
	VPANDQ.BCST (AX), Z8, Z4
	VPANDQ.BCST 8(AX), Z8, Z5
	VPANDQ.BCST 16(AX), Z8, Z6
	VPANDQ.BCST 24(AX), Z8, Z7
	VPOPCNTQ Z4, Z4
	VPOPCNTQ Z5, Z5
	VPOPCNTQ Z6, Z6
	VPOPCNTQ Z7, Z7
	VPADDQ Z4, Z0, Z0
	VPADDQ Z5, Z1, Z1
	VPADDQ Z6, Z2, Z2
	VPADDQ Z7, Z3, Z3
	ADDQ $64, R8
	ADDQ $32, AX
	DECQ BX
	JNZ  word

	VPSLLQ $1, Z1, Z1
	VPSLLQ $2, Z2, Z2
	VPSLLQ $3, Z3, Z3
	VPADDQ Z1, Z0, Z0
	VPADDQ Z3, Z2, Z2
	VPADDQ Z2, Z0, Z0
	VPMOVQD Z0, Y0
	VCVTDQ2PS Y0, Y0
	VMOVUPS (R10), Y1
	VMULPS Y20, Y0, Y0
	VFMADD231PS Y21, Y1, Y0
	VADDPS Y22, Y0, Y0
	VMULPS (R9), Y0, Y0
	VADDPS Y23, Y0, Y0
	VMOVUPS Y0, (DI)
	VCMPPS $30, Y24, Y0, K1
	KMOVB K1, (R12)
	INCQ R12
	ADDQ $32, R9
	ADDQ $32, R10
	ADDQ $32, DI
	DECQ DX
	JMP  group

finish:
	VZEROUPPER
	RET

// func prefetch(p *int8, size int)
TEXT ·prefetch(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), SI
	MOVQ size+8(FP), CX

line:
	PREFETCHT0 (SI)
	ADDQ $64, SI
	SUBQ $64, CX
	JG   line
	RET
