local words = require("lofi.words")

describe("words", function()
  it("shortens a prompt to a number of cells", function()
    assert.equal("rainy night", words.short("rainy night", 11))
    assert.equal("rainy…", words.short("rainy night", 7))
    assert.equal("rain...", words.short("rainy night", 7, "..."))
  end)

  it("makes one line of a prompt with several", function()
    assert.equal("one two", words.short(" one\n\ttwo\0 ", 20))
  end)

  it("counts wide characters as two cells and cuts none in half", function()
    assert.equal("夜の…", words.short("夜の雨と音楽", 6))
    assert.equal("é…", words.short("é́lan vital", 2))
  end)

  it("says seconds as a person does", function()
    assert.same(
      { "2.1 s", "2 s", "45 s", "119 s", "2 min", "2 min 5 s" },
      { words.span(2.14), words.span(2), words.span(45.3), words.span(119), words.span(120), words.span(125) }
    )
  end)

  it("says where in a track one is", function()
    assert.equal("0:09", words.clock(9.9))
    assert.equal("1:05", words.clock(65))
  end)

  it("says sizes in decimal units", function()
    assert.same({ "12 bytes", "1.5 kB", "23 MB", "3.7 GB" }, {
      words.size(12),
      words.size(1500),
      words.size(23e6),
      words.size(3.7e9),
    })
  end)
end)
