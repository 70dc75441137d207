package lint

import "testing"

var usual = []string{
	`https://.*\.example\.com`, `^https://([a-z0-9-]+\.)*example\.com$`, `https://[^.]+\.foo\.com`, `https://(www\.)?foo\.(com|co\.uk|de)`, `https?://localhost(:\d+)?`,
	`https://.*example\.com`, `https://foo\.com.*`, `https://www.example.com`, `http://.*:3000`, `https?://.*:\d+`, `https://.*\.github\.io`,
	`https://deploy-preview-\d+--site\.netlify\.app`, `http://192\.168\..*`, `(?i)https://(www|app)\.FOO\.com`, `https://FOO\.com`, `/^https:\/\/x\.com$/`,
	`https://pr-[0-9]+\.shop\.example`, `.*`, `https://[a-z0-9-]{1,63}\.acme\.com`,
}

func BenchmarkJudge(b *testing.B) {
	for _, text := range usual {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				(&linter{}).judge(text)
			}
		})
	}
}

func BenchmarkJudgeAll(b *testing.B) {
	for b.Loop() {
		for _, text := range usual {
			(&linter{}).judge(text)
		}
	}
}
