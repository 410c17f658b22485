/**
 * Passwords of eight and more characters that head every published list of leaked ones. Anyone who guesses tries
 * these first; the rate limits take care of the rest.
 */
export const COMMON_PASSWORDS: ReadonlySet<string> = new Set(
  `00000000 11111111 111111111 1111111111 11223344 12121212 123123123 12341234 12344321 12345678 123456789
   1234567890 1234567891 1234qwer 123qweasd 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qazxsw2 22222222 33333333 44444444
   55555555 66666666 77777777 88888888 987654321 9876543210 99999999 a1234567 a12345678 a123456789 aa123456
   aaaaaaaa abc12345 abcd1234 abcdefgh abcdefg1 admin123 admin1234 administrator adminadmin asdf1234 asdfasdf
   asdfghjk asdfghjkl baseball basketball butterfly changeme charlie1 chocolate computer corvette dragon123
   football football1 hallo123 hello123 huggingface iloveyou iloveyou1 iloveyou2 internet jennifer letmein1
   letmein123 liverpool login123 master123 metallica michelle midnight monkey123 mustang1 p@ssw0rd p@ssword
   pa55word pa55w0rd passw0rd passwort password password! password. password0 password1 password12 password123
   password1234 password2 password3 pokemon1 princess princess1 q1w2e3r4 q1w2e3r4t5 qazwsxedc qwer1234 qwerasdf
   qwerty12 qwerty123 qwerty1234 qwertyui qwertyuiop samantha secret123 starwars sunshine sunshine1 superman
   superman1 swordfish test1234 testtest trustno1 victoria welcome1 welcome123 whatever zaq12wsx zxcvbnm1
   zxcvbnm123`.split(/\s+/),
);
