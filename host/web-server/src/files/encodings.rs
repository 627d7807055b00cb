//! Which form of a file a client takes (RFC 9110, section 12.5.3). Pure.

use http::{HeaderMap, header};

/// A form in which a file may lie beside itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// `style.css.br` for `style.css`.
    Brotli,
    /// `style.css.gz` for `style.css`.
    Gzip,
}

impl Encoding {
    /// In the order of preference.
    pub(crate) const ALL: [Self; 2] = [Self::Brotli, Self::Gzip];

    /// Its name in the protocol.
    pub(crate) fn token(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// What is appended to the name of the file.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }
}

/// What a client says that it takes, in thousandths of its q-values. 0: not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accepted {
    brotli: u16,
    gzip: u16,
    identity: u16,
}

impl Accepted {
    /// Without the field only the file itself is sent: old clients do not know what they get.
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let (mut brotli, mut gzip, mut identity, mut others) = (None, None, None, None);
        let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
        for item in lines.flat_map(|line| line.split(',')) {
            let mut parts = item.split(';').map(str::trim);
            let token = parts.next().unwrap_or_default().to_ascii_lowercase();
            let quality = parts.find_map(quality).unwrap_or(1000);
            match token.as_str() {
                "br" => brotli = Some(quality),
                "gzip" | "x-gzip" => gzip = Some(quality),
                "identity" => identity = Some(quality),
                "*" => others = Some(quality),
                _ => {}
            }
        }
        let or_others = |named: Option<u16>| named.or(others).unwrap_or(0);
        // The file itself is always acceptable unless it is refused; unnamed it comes after what is named.
        Self { brotli: or_others(brotli), gzip: or_others(gzip), identity: identity.unwrap_or(0) }
    }

    /// The best of the forms that there are; `None`: the file itself.
    pub(crate) fn best(self, there: &[Encoding]) -> Option<Encoding> {
        let quality = |encoding: &Encoding| match encoding {
            Encoding::Brotli => self.brotli,
            Encoding::Gzip => self.gzip,
        };
        let taken = there.iter().copied().filter(|encoding| quality(encoding) > 0);
        // Of equals `reduce` keeps the first, which is the one preferred.
        let best = taken.reduce(|best, next| if quality(&next) > quality(&best) { next } else { best })?;
        (quality(&best) >= self.identity).then_some(best)
    }
}

/// `q=0.5` as 500; what is out of order is 0, so that nobody gets what they may not want.
fn quality(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, decimals) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    let is_number = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    let thousandths: Option<u16> = format!("{decimals:0<3}").parse().ok().filter(|_| is_number);
    Some(match (whole, thousandths) {
        ("0", Some(thousandths)) => thousandths,
        ("1", Some(0)) => 1000,
        _ => 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Encoding::{Brotli, Gzip};

    #[test]
    fn the_form_with_the_highest_q_value_is_sent_and_brotli_before_gzip() {
        let both: &[Encoding] = &[Brotli, Gzip];
        let cases: [(&str, &[Encoding], Option<Encoding>); 20] = [
            ("", both, None),
            ("br", both, Some(Brotli)),
            ("gzip", both, Some(Gzip)),
            ("X-GZIP", both, Some(Gzip)),
            ("gzip, br", both, Some(Brotli)),
            ("gzip, br", &[Gzip], Some(Gzip)),
            ("br", &[Gzip], None),
            ("gzip;q=0.8, br;q=0.5", both, Some(Gzip)),
            ("gzip;q=0.8, br;Q = 0.9", both, Some(Brotli)),
            ("gzip;q=0, br;q=0", both, None),
            ("gzip;q=0, *", both, Some(Brotli)),
            ("*;q=0.1", &[Gzip], Some(Gzip)),
            ("*;q=0", both, None),
            ("identity, br;q=0.5", both, None),
            ("identity;q=0.5, br;q=0.5", both, Some(Brotli)),
            ("br;q=1.5", both, None),
            ("br;q=-1", both, None),
            ("br;q=0.+1", both, None),
            ("br;q=0.001", both, Some(Brotli)),
            ("brotli, deflate, zstd", both, None),
        ];
        for (field, there, best) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, field.parse().unwrap());
            assert_eq!(Accepted::read(&headers).best(there), best, "{field}");
        }
    }

    #[test]
    fn fields_of_several_lines_are_one_list_and_none_is_an_old_client() {
        let mut headers = HeaderMap::new();
        assert_eq!(Accepted::read(&headers).best(&Encoding::ALL), None);
        headers.append(header::ACCEPT_ENCODING, "deflate".parse().unwrap());
        headers.append(header::ACCEPT_ENCODING, "br;q=0.1".parse().unwrap());
        assert_eq!(Accepted::read(&headers).best(&Encoding::ALL), Some(Brotli));
    }
}
