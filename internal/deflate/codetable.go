package deflate

// rootBits is the length of the longest code words that are found in one step.
const rootBits = 10

// A codeTable finds out which code word comes next.
//
// Words above rootBits have tables of their own in long, one for all those that
// begin with the same rootBits. As words are in order of length, only the tables
// where a length changes have words of several, and these are four at most, of
// up to 32 entries. In the others there is one word for each entry.
type codeTable struct {
	mask uint64 // for root, of which short codes use less
	root [1 << rootBits]entry
	long [numLit + 4<<(maxCodeLen-rootBits)]entry
}

// find is the entry of the word that acc begins with. Bits of acc that are not
// known yet may have any value: the entry is right if it consumes known ones
// only.
func (t *codeTable) find(acc uint64) entry {
	e := t.root[acc&t.mask&(1<<rootBits-1)]
	if e&longEntry != 0 {
		e = t.long[uint64(e>>16)+acc>>rootBits&(1<<e.bits()-1)]
	}
	return e
}

// build makes the table of the code with the lengths lens, by symbol; symbols
// has what each of them means. c is scratch memory. It is false for codes that codeWords.sort does
// not take.
func (t *codeTable) build(c *codeWords, lens []uint8, symbols []entry) bool {
	if !c.sort(lens) {
		return false
	}
	t.root[0] = badEntry + wordBit
	i, rootBits := 0, min(c.longest, rootBits)
	t.mask = 1<<rootBits - 1
	for n := 1; n <= rootBits; n++ {
		// Words that are shorter stand there with either bit behind them.
		copy(t.root[1<<(n-1):1<<n], t.root[:1<<(n-1)])
		for ; i < c.end[n]; i++ {
			t.root[c.word(i, n)] = symbols[c.symbols[i]] + entry(n)*wordBit
		}
	}
	if i < c.end[maxCodeLen] {
		t.addLong(c, symbols)
	}
	return true
}

// addLong enters the words above rootBits from the last one down, so that each
// table begins with its longest word.
func (t *codeTable) addLong(c *codeWords, symbols []entry) {
	used := 0
	for n := maxCodeLen; n > rootBits; n-- {
		for i := c.end[n] - 1; i >= c.end[n-1]; i-- {
			word := c.word(i, n)
			root := &t.root[word&(1<<rootBits-1)]
			if *root&longEntry == 0 {
				*root = longEntry | entry(used)<<16 | entry(n-rootBits)
				used += 1 << (n - rootBits)
			}
			table := t.long[*root>>16:][:1<<root.bits()]
			for at := int(word >> rootBits); at < len(table); at += 1 << (n - rootBits) {
				table[at] = symbols[c.symbols[i]] + entry(n)*wordBit
			}
		}
	}
}
