package load

import (
	"math/rand/v2"
	"strings"
)

// vocabulary of the made-up prompts: common words of one token each, so that 2,000 of them fit the
// peer's 2,048 tokens per slot (32,768 over 16).
var vocabulary = strings.Fields(`time year people way day man thing woman life child world school state family student group
country problem hand part place case week company system program question work government number night point home water room
mother area money story fact month lot right study book eye job word business issue side kind head house service friend father
power hour game line end member law car city community name president team minute idea body information back parent face others
level office door health person art war history party result change morning reason research girl guy moment air teacher force`)

// Words returns n words that depend on the seed alone, so that both servers get the same text and no
// two seeds share a beginning.
func Words(n int, seed uint64) string {
	rng := rand.New(rand.NewPCG(seed, 17))
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(vocabulary[rng.IntN(len(vocabulary))])
	}
	return b.String()
}
