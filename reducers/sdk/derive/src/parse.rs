//! Reads the item that stands under the derive.

use std::iter::Peekable;

use proc_macro::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};

pub struct Item {
    pub name: String,
    /// Names of the type parameters.
    pub generics: Vec<String>,
    pub body: Body,
}

pub enum Body {
    Record(Vec<Named>),
    Newtype,
    Variant(Vec<Tag>),
}

/// A field or tag: as Rust spells it, and as AIR does.
pub struct Named {
    pub rust: String,
    pub air: String,
}

pub struct Tag {
    pub name: Named,
    pub payload: Payload,
}

pub enum Payload {
    None,
    Value,
    Record(Vec<Named>),
}

pub struct Error {
    span: Span,
    text: String,
}

type Result<T> = std::result::Result<T, Error>;

impl Error {
    fn at(span: Span, text: impl Into<String>) -> Self {
        let text = text.into();
        Error { span, text }
    }

    /// `compile_error!("text");`, underlining what is wrong.
    pub fn into_compile_error(self) -> TokenStream {
        let text = TokenStream::from(TokenTree::from(Literal::string(&self.text)));
        let tokens: [TokenTree; 4] = [
            Ident::new("compile_error", self.span).into(),
            Punct::new('!', Spacing::Alone).into(),
            Group::new(Delimiter::Parenthesis, text).into(),
            Punct::new(';', Spacing::Alone).into(),
        ];
        let spanned = tokens.map(|mut token| {
            token.set_span(self.span);
            token
        });
        TokenStream::from_iter(spanned)
    }
}

struct Tokens(Peekable<proc_macro::token_stream::IntoIter>);

pub fn item(item: TokenStream) -> Result<Item> {
    let mut tokens = Tokens::of(item);
    tokens.attributes()?;
    tokens.visibility();
    let kind = tokens.identifier("a struct or an enum")?;
    let name = tokens.identifier("a name")?;
    let generics = tokens.generics(name.span())?;
    let body = match (kind.to_string().as_str(), tokens.0.next()) {
        ("struct", Some(TokenTree::Group(body))) => match body.delimiter() {
            Delimiter::Brace => Body::Record(fields(body.stream())?),
            _ => {
                single(&body)?;
                Body::Newtype
            }
        },
        ("enum", Some(TokenTree::Group(body))) => Body::Variant(tags(body.stream())?),
        _ => {
            let text = "a value of AIR is a struct with fields, a newtype or an enum";
            return Err(Error::at(name.span(), text));
        }
    };
    let name = name.to_string();
    Ok(Item { name, generics, body })
}

fn fields(body: TokenStream) -> Result<Vec<Named>> {
    let mut tokens = Tokens::of(body);
    let mut fields = Vec::new();
    while tokens.0.peek().is_some() {
        let given = tokens.attributes()?;
        tokens.visibility();
        let name = tokens.identifier("the name of a field")?;
        fields.push(named(&name, given));
        tokens.skip_to_comma();
    }
    // Canonical order of text keys: shorter first, then bytewise.
    fields.sort_by(|a, b| (a.air.len(), &a.air).cmp(&(b.air.len(), &b.air)));
    Ok(fields)
}

fn tags(body: TokenStream) -> Result<Vec<Tag>> {
    let mut tokens = Tokens::of(body);
    let mut tags = Vec::new();
    while tokens.0.peek().is_some() {
        let given = tokens.attributes()?;
        let name = tokens.identifier("a tag")?;
        let payload = match tokens.0.peek() {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                Payload::Record(fields(group.stream())?)
            }
            Some(TokenTree::Group(group)) => {
                single(group)?;
                Payload::Value
            }
            _ => Payload::None,
        };
        let name = named(&name, given);
        tags.push(Tag { name, payload });
        tokens.skip_to_comma();
    }
    Ok(tags)
}

fn named(name: &Ident, given: Option<String>) -> Named {
    let rust = name.to_string();
    let air = given.unwrap_or_else(|| rust.trim_start_matches("r#").into());
    Named { rust, air }
}

/// Checks that the parentheses hold one type.
fn single(group: &Group) -> Result<()> {
    let mut tokens = Tokens::of(group.stream());
    let empty = tokens.0.peek().is_none();
    tokens.skip_to_comma();
    if empty || tokens.0.peek().is_some() {
        let text = "AIR has no tuples: give one type, or fields with names";
        return Err(Error::at(group.span(), text));
    }
    Ok(())
}

impl Tokens {
    fn of(stream: TokenStream) -> Self {
        Tokens(stream.into_iter().peekable())
    }

    fn take_punct(&mut self, char: char) -> bool {
        let is_it = |token: &TokenTree| matches!(token, TokenTree::Punct(p) if *p == char);
        self.0.next_if(is_it).is_some()
    }

    fn identifier(&mut self, expected: &str) -> Result<Ident> {
        match self.0.next() {
            Some(TokenTree::Ident(ident)) => Ok(ident),
            other => {
                let span = other.map_or_else(Span::call_site, |token| token.span());
                Err(Error::at(span, format!("{expected} is expected here")))
            }
        }
    }

    /// Passes over attributes; gives the text of `#[name = ".."]`, if it is one of them.
    fn attributes(&mut self) -> Result<Option<String>> {
        let mut name = None;
        while self.take_punct('#') {
            if let Some(TokenTree::Group(attribute)) = self.0.next() {
                name = given_name(&attribute)?.or(name);
            }
        }
        Ok(name)
    }

    fn visibility(&mut self) {
        let is_pub =
            |token: &TokenTree| matches!(token, TokenTree::Ident(i) if i.to_string() == "pub");
        if self.0.next_if(is_pub).is_some() {
            self.0.next_if(|token| matches!(token, TokenTree::Group(_)));
        }
    }

    fn generics(&mut self, of: Span) -> Result<Vec<String>> {
        let mut names = Vec::new();
        if !self.take_punct('<') {
            return Ok(names);
        }
        while !self.take_punct('>') {
            let text = "type parameters must be plain names, without bounds or lifetimes";
            let name = self.identifier(text).map_err(|_| Error::at(of, text))?;
            names.push(name.to_string());
            let ends = matches!(self.0.peek(), Some(TokenTree::Punct(p)) if *p == '>');
            if !ends && !self.take_punct(',') {
                return Err(Error::at(of, text));
            }
        }
        Ok(names)
    }

    /// Passes over the rest of a field or tag, its type among it, and the comma.
    fn skip_to_comma(&mut self) {
        let mut depth = 0;
        for token in self.0.by_ref() {
            if let TokenTree::Punct(punct) = token {
                match punct.as_char() {
                    '<' => depth += 1,
                    '>' => depth -= 1,
                    ',' if depth == 0 => return,
                    _ => (),
                }
            }
        }
    }
}

fn given_name(attribute: &Group) -> Result<Option<String>> {
    let mut tokens = Tokens::of(attribute.stream());
    let ours = |token: &TokenTree| matches!(token, TokenTree::Ident(i) if i.to_string() == "name");
    if tokens.0.next_if(ours).is_none() {
        return Ok(None);
    }
    let literal = tokens.take_punct('=').then(|| tokens.0.next()).flatten();
    let text = literal.map(|literal| literal.to_string()).unwrap_or_default();
    let plain = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    match plain {
        Some(name) if !name.contains('\\') => Ok(Some(name.into())),
        _ => Err(Error::at(attribute.span(), "write it as #[name = \"..\"]")),
    }
}
