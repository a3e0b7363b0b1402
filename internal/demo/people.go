package demo

// people are the names of a language: given and family names, each with its
// spelling in Latin letters after a slash where it is written in others. They
// are common names, combined at random; nobody in particular is meant.
type people struct {
	given, family string
	familyFirst   bool
	joined        bool // written without a space between
	streets       string
	street        string // how a street and a number make a line: {s} and {n}
	companies     string // words that company names are made of
	forms         string // legal forms, set behind the name
}

var english = &people{
	given: `Olivia Noah Emma Liam Charlotte James Amelia William Sophia Henry Grace Thomas Hannah Daniel Ruby Samuel Alice George Chloe
		Jack Megan Oliver Lucy Harry Ella Ryan Zoe Adam Nora Peter`,
	family: `Smith Johnson Williams Brown Jones Miller Davis Wilson Anderson Taylor Moore Martin Thompson White Harris Clark Lewis Walker
		Hall Young King Wright Hill Green Baker Carter Mitchell Roberts Turner Phillips Evans Murphy O'Brien Collins Stewart`,
	streets:   `Main Street,Oak Avenue,Maple Street,Park Road,Station Road,High Street,Church Lane,Mill Road,Elm Street,Lake View Drive,Queen Street,King Street,Cedar Lane,Hillside Avenue`,
	street:    `{n} {s}`,
	companies: `Harbor Summit Cobalt Juniper Northwind Lantern Granite Willow Beacon Meridian Copper Falcon Orchard Riverstone Quill`,
	forms:     `Labs,Analytics,Software,Studio,Systems,Logistics,Works`,
}

var german = &people{
	given: `Anna Lukas Lena Felix Marie Jonas Laura Maximilian Sophie Paul Clara Elias Johanna Leon Jürgen Käthe Björn Mia Tobias
		Sabine Stefan Ursula Matthias Jörg Antje Heike`,
	family: `Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Bauer Richter Klein Wolf Schröder
		Neumann Schwarz Zimmermann Krüger Hofmann Lange Krause Lehmann Köhler Groß Weiß`,
	streets:   `Hauptstraße,Bahnhofstraße,Gartenweg,Schillerstraße,Goethestraße,Lindenallee,Mühlweg,Kirchgasse,Am Markt,Bergstraße,Rosenweg`,
	street:    `{s} {n}`,
	companies: `Nordlicht Werkbank Alpenblick Funkwerk Steinbach Kornblume Seilbahn Lindenhof Rheinufer Klangwerk Sonnentau`,
	forms:     `GmbH,AG,KG,UG,OHG`,
}

var french = &people{
	given: `Camille Hugo Léa Louis Manon Jules Chloé Gabriel Inès Arthur Zoé Théo Élodie Raphaël Margaux François Hélène Noé Anaïs Luc
		Benoît Cécile`,
	family: `Martin Bernard Dubois Thomas Robert Richard Petit Durand Leroy Moreau Simon Laurent Lefèvre Michel Garcia Fournier Girard
		Bonnet Dupont Lambert Fontaine Rousseau Mercier Chevalier Gauthier`,
	streets:   `rue de la République,rue Victor Hugo,avenue Jean Jaurès,rue de l'Église,boulevard Pasteur,place du Marché,rue des Lilas,chemin du Moulin,rue Nationale`,
	street:    `{n} {s}`,
	companies: `Atelier Horizon Lumière Pivoine Boussole Marée Colibri Verger Signal Méridien Ardoise`,
	forms:     `SARL,SAS,SA,et Fils`,
}

var spanish = &people{
	given: `Lucía Mateo Sofía Hugo Martina Santiago Valentina Diego Camila Álvaro Paula Andrés Elena Joaquín Carmen Nicolás Inés Tomás
		Beatriz Iñaki Rocío Emilio`,
	family: `García Rodríguez González Fernández López Martínez Sánchez Pérez Gómez Martín Jiménez Ruiz Hernández Díaz Moreno Muñoz
		Álvarez Romero Alonso Gutiérrez Navarro Torres Núñez Vargas Castro Ibáñez`,
	streets:   `Calle Mayor,Avenida de la Constitución,Calle del Sol,Calle Real,Paseo del Río,Calle San Martín,Avenida Libertad,Calle de las Flores`,
	street:    `{s} {n}`,
	companies: `Faro Cumbre Naranjo Brújula Alborada Cobalto Mirador Ceiba Jacaranda Tramontana`,
	forms:     `S.L.,S.A.,y Asociados`,
}

var portuguese = &people{
	given: `Maria João Ana Pedro Beatriz Tiago Inês Rafael Larissa Lucas Mariana Gustavo Júlia Mateus Conceição Antônio Letícia Caio
		Helena Vinícius`,
	family: `Silva Santos Oliveira Souza Pereira Costa Rodrigues Almeida Nascimento Lima Araújo Fernandes Carvalho Gomes Martins Rocha
		Ribeiro Alves Monteiro Barbosa Gonçalves Simões`,
	streets:   `Rua das Flores,Avenida Brasil,Rua da Liberdade,Rua São João,Avenida Central,Rua do Comércio,Travessa do Carmo,Rua Sete de Setembro`,
	street:    `{s}, {n}`,
	companies: `Maré Aurora Cajueiro Farol Ipê Horizonte Bússola Sabiá Azulejo`,
	forms:     `Ltda,S.A.,Lda`,
}

var italian = &people{
	given: `Giulia Leonardo Sofia Francesco Aurora Alessandro Ginevra Lorenzo Alice Matteo Chiara Niccolò Martina Tommaso Elisa
		Riccardo Federica Davide`,
	family: `Rossi Russo Ferrari Esposito Bianchi Romano Colombo Ricci Marino Greco Bruno Gallo Conti Mancini Costa Giordano Rizzo
		Lombardi Moretti Barbieri Fontana`,
	streets:   `Via Roma,Via Garibaldi,Corso Italia,Via Dante,Piazza della Repubblica,Via Verdi,Viale dei Tigli,Via Mazzini`,
	street:    `{s} {n}`,
	companies: `Bottega Faro Cipresso Aurora Ponente Girasole Lanterna Maestrale Quercia`,
	forms:     `S.r.l.,S.p.A.,e Figli`,
}

var dutch = &people{
	given:     `Emma Daan Julia Sem Sanne Bram Fleur Lars Lotte Thijs Eva Ruben Anouk Jeroen Maaike Koen Femke Pieter`,
	family:    `Jansen Bakker Visser Smit Meijer Mulder Bos Vos Peters Hendriks Dekker Brouwer Dijkstra Smits Kok Jacobs Vermeulen Willems Claes Maes`,
	streets:   `Kerkstraat,Dorpsstraat,Molenweg,Stationsstraat,Schoolstraat,Beatrixlaan,Nieuwstraat,Lindelaan`,
	street:    `{s} {n}`,
	companies: `Zeewind Molen Tulp Grachten Duinzicht Kompas Veldkamp Oranjerie`,
	forms:     `B.V.,N.V.,VOF`,
}

var nordic = &people{
	given: `Astrid Erik Maja Oskar Freja Magnus Ingrid Lars Sigrid Nils Saga Björn Linnéa Anders Åsa Søren Kåre Mette Jens Øyvind
		Elin Gustav`,
	family: `Andersson Johansson Karlsson Nilsson Eriksson Larsson Olsson Hansen Nielsen Jensen Pedersen Christensen Sørensen Berg
		Haugen Lindberg Sjöberg Åkesson Dahl Lund Holm`,
	streets:   `Storgatan,Kungsgatan,Skolvägen,Parkvej,Nørregade,Strandveien,Kirkegata,Björkvägen,Engvej`,
	street:    `{s} {n}`,
	companies: `Norrsken Fjord Granskog Havsvind Polaris Bjerk Lyset Skärgård`,
	forms:     `AB,A/S,AS,ApS`,
}

var finnish = &people{
	given:     `Aino Eino Helmi Väinö Sofia Leo Eeva Onni Aada Mikko Päivi Jukka Sanna Antti Hanna Pekka`,
	family:    `Korhonen Virtanen Mäkinen Nieminen Mäkelä Hämäläinen Laine Heikkinen Koskinen Järvinen Lehtonen Saarinen Salminen`,
	streets:   `Kauppakatu,Koulukatu,Rantatie,Asemakatu,Puistokatu,Kirkkokatu`,
	street:    `{s} {n}`,
	companies: `Revontuli Järvi Koivu Saari Pohjola Kallio`,
	forms:     `Oy,Oyj,Ky`,
}

var polish = &people{
	given:     `Zofia Jan Julia Antoni Zuzanna Jakub Hanna Stanisław Maja Łukasz Agnieszka Paweł Małgorzata Michał Katarzyna Wojciech`,
	family:    `Nowak Wójcik Kowalczyk Woźniak Mazur Krawczyk Kaczmarek Piotrowski Zając Król Wieczorek Jabłoński Dudek Pawlak Górski Adamczyk`,
	streets:   `ul. Polna,ul. Leśna,ul. Słoneczna,ul. Krótka,ul. Szkolna,ul. Ogrodowa,al. Niepodległości`,
	street:    `{s} {n}`,
	companies: `Wisła Bursztyn Jodła Latarnia Sokół Tatry`,
	forms:     `Sp. z o.o.,S.A.`,
}

var czech = &people{
	given:     `Eliška Jakub Tereza Jan Adéla Tomáš Kateřina Ondřej Lucie Vojtěch Zdeňka Jiří Petra Matěj`,
	family:    `Novák Svoboda Novotný Dvořák Černý Procházka Kučera Veselý Horák Němec Pokorný Marek Pospíšil Růžička`,
	streets:   `Hlavní,Nádražní,Školní,Zahradní,Lipová,Husova,Masarykova`,
	street:    `{s} {n}`,
	companies: `Vltava Jiskra Javor Hvězda Sova`,
	forms:     `s.r.o.,a.s.`,
}

var hungarian = &people{
	given:     `Hanna Bence Anna Máté Zoé Levente Luca Dominik Eszter Gergő Réka Zoltán Ildikó Péter`,
	family:    `Nagy Kovács Tóth Szabó Horváth Varga Kiss Molnár Németh Farkas Balogh Papp Lakatos Juhász`,
	streets:   `Kossuth Lajos utca,Petőfi utca,Fő utca,Rákóczi út,Dózsa György út,Ady Endre utca`,
	street:    `{s} {n}.`,
	companies: `Duna Tölgy Csillag Hársfa`,
	forms:     `Kft.,Zrt.,Bt.`,

	familyFirst: true,
}

var romanian = &people{
	given:     `Andrei Maria Ștefan Ioana Alexandru Elena Mihai Ana Cristina Răzvan Gabriela Ionuț Raluca Vlad`,
	family:    `Popescu Ionescu Popa Radu Dumitru Stan Stoica Gheorghe Matei Ciobanu Rusu Marin Tudor Munteanu`,
	streets:   `Strada Florilor,Strada Libertății,Bulevardul Unirii,Strada Mihai Eminescu,Strada Victoriei`,
	street:    `{s} {n}`,
	companies: `Carpați Dunărea Stejar Luceafăr`,
	forms:     `SRL,SA`,
}

var turkish = &people{
	given:     `Zeynep Yusuf Elif Mustafa Defne Ömer Ayşe Emre Selin Çağlar Gül İbrahim Şule Burak`,
	family:    `Yılmaz Kaya Demir Çelik Şahin Yıldız Aydın Öztürk Arslan Doğan Koç Güneş Aksoy Polat`,
	streets:   `Atatürk Caddesi,İnönü Caddesi,Cumhuriyet Caddesi,Gül Sokak,Okul Sokak,Çınar Sokak`,
	street:    `{s} No: {n}`,
	companies: `Boğaz Çınar Yıldız Martı Lale`,
	forms:     `Ltd. Şti.,A.Ş.`,
}
