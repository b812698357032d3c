package check

const aKept = "SELECT k.seq, NULL, NULL, k.media_id FROM kept k WHERE "

func keptChecks() []Rule {
	return []Rule{
		{
			Name: "kept-for-nobody", what: "a media is kept alive, but nobody asks for it", Key: "k.seq", Repairable: true,
			query: aKept + "k.renewal IS NULL AND NOT EXISTS (SELECT 1 FROM keepers p WHERE p.kept = k.seq)",
		},
		{
			Name: "kept-without-renewal", what: "a media waits for a renewal that is not under way", Key: "k.seq", Repairable: true,
			query: aKept + "k.renewal IS NOT NULL AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.seq = k.renewal AND u.renews = k.seq AND u.phase < 4)",
		},
		{
			Name: "keeper-of-nothing", what: "an upload asks for a media that is not kept alive", Key: "p.upload", Repairable: true,
			query: `SELECT p.upload, u.id, NULL, p.producer FROM keepers p LEFT JOIN uploads u ON u.seq = p.upload
				WHERE (u.seq IS NULL OR NOT EXISTS (SELECT 1 FROM kept k WHERE k.seq = p.kept))`,
		},
	}
}
