package demo

var greek = &people{
	given:     `Μαρία/maria Γιώργος/giorgos Ελένη/eleni Δημήτρης/dimitris Κατερίνα/katerina Νίκος/nikos Σοφία/sofia Κώστας/kostas Άννα/anna Γιάννης/giannis`,
	family:    `Παπαδόπουλος/papadopoulos Βλάχος/vlachos Αγγελόπουλος/angelopoulos Νικολαΐδης/nikolaidis Γεωργίου/georgiou Οικονόμου/oikonomou Μακρής/makris Δημητρίου/dimitriou`,
	streets:   `Ερμού,Σταδίου,Αγίου Δημητρίου,Εθνικής Αντιστάσεως,Πανεπιστημίου`,
	street:    `{s} {n}`,
	companies: `Aegis Olivia Kyma Meltemi`,
	forms:     `A.E.,E.P.E.`,
}

var ukrainian = &people{
	given:     `Олена/olena Андрій/andrii Ірина/iryna Олександр/oleksandr Наталія/nataliia Дмитро/dmytro Катерина/kateryna Тарас/taras Соломія/solomiia Богдан/bohdan`,
	family:    `Шевченко/shevchenko Коваленко/kovalenko Бондаренко/bondarenko Ткаченко/tkachenko Кравченко/kravchenko Мельник/melnyk Поліщук/polishchuk Марченко/marchenko`,
	streets:   `вул. Шевченка,вул. Лесі Українки,просп. Свободи,вул. Садова,вул. Івана Франка`,
	street:    `{s}, {n}`,
	companies: `Kalyna Dnipro Barvinok`,
	forms:     `LLC,TOV`,
}

var hebrew = &people{
	given:     `נועה/noa דוד/david תמר/tamar יוסף/yosef מאיה/maya אורי/uri שירה/shira איתן/eitan יעל/yael דניאל/daniel`,
	family:    `כהן/cohen לוי/levi מזרחי/mizrahi פרץ/peretz ביטון/biton אברהם/avraham פרידמן/friedman שפירא/shapira`,
	streets:   `הרצל,דיזנגוף,ויצמן,בן גוריון,הנביאים`,
	street:    `{s} {n}`,
	companies: `Tamar Negev Rimon Gefen`,
	forms:     `Ltd`,
}

var arabic = &people{
	given:     `محمد/mohammed فاطمة/fatima أحمد/ahmed مريم/maryam علي/ali نور/noor خالد/khalid سارة/sara يوسف/yousef ليلى/layla عمر/omar هدى/huda`,
	family:    `المنصوري/almansoori الهاشمي/alhashimi حسن/hassan إبراهيم/ibrahim السيد/elsayed عبدالله/abdullah الشامسي/alshamsi محمود/mahmoud سالم/salem`,
	streets:   `شارع الملك فهد,شارع النيل,شارع الجامعة,شارع السلام,شارع الكورنيش`,
	street:    `{n} {s}`,
	companies: `Najm Sahara Wadi Lulu Marsa`,
	forms:     `LLC,FZE,Trading`,
}

var indian = &people{
	given: `Aarav Priya Vihaan Ananya Arjun Diya Rohan Kavya Aditya Meera Rahul Lakshmi Karthik Pooja Sanjay Neha
		अमित/amit सुनीता/sunita राजेश/rajesh अंजलि/anjali`,
	family:    `Sharma Patel Singh Kumar Gupta Reddy Iyer Nair Mehta Joshi Desai Rao Verma Banerjee Chatterjee Kulkarni Pillai`,
	streets:   `MG Road,Station Road,Gandhi Nagar,Brigade Road,Lake Road,Nehru Street,Temple Street`,
	street:    `{n}, {s}`,
	companies: `Banyan Saffron Monsoon Lotus Deccan Peacock`,
	forms:     `Pvt Ltd,LLP`,
}

var japanese = &people{
	given: `陽葵/himari 蓮/ren 結衣/yui 大翔/hiroto さくら/sakura 健太/kenta 美咲/misaki 翔太/shota 直樹/naoki 彩/aya 恵子/keiko 誠/makoto`,
	family: `佐藤/sato 鈴木/suzuki 高橋/takahashi 田中/tanaka 伊藤/ito 渡辺/watanabe 山本/yamamoto 中村/nakamura 小林/kobayashi 加藤/kato 吉田/yoshida
		山田/yamada 佐々木/sasaki 松本/matsumoto`,
	familyFirst: true,
	streets:     `西新宿,本町,中央,栄町,緑町,桜丘,元町`,
	street:      `{s}{n}番地`,
	companies:   `Sakura Hoshi Kaede Nami Hikari Tsubame`,
	forms:       `K.K.,GK`,
}

var korean = &people{
	given:       `서연/seoyeon 민준/minjun 지우/jiwoo 도윤/doyun 하은/haeun 지훈/jihun 수빈/subin 현우/hyunwoo 예진/yejin 성민/seongmin`,
	family:      `김/kim 이/lee 박/park 최/choi 정/jung 강/kang 조/cho 윤/yoon 장/jang 임/lim`,
	familyFirst: true,
	joined:      true,
	streets:     `테헤란로,세종대로,강남대로,중앙로,해운대로,충장로`,
	street:      `{s} {n}`,
	companies:   `Haneul Namu Baram Dallae`,
	forms:       `Co. Ltd.,Inc.`,
}

var chinese = &people{
	given:       `伟/wei 芳/fang 娜/na 敏/min 静/jing 强/qiang 磊/lei 洋/yang 艳/yan 杰/jie 雨桐/yutong 浩然/haoran 欣怡/xinyi 子轩/zixuan`,
	family:      `王/wang 李/li 张/zhang 刘/liu 陈/chen 杨/yang 黄/huang 赵/zhao 吴/wu 周/zhou 徐/xu 孙/sun`,
	familyFirst: true,
	joined:      true,
	streets:     `中山路,人民路,解放路,建设路,和平街,文化路`,
	street:      `{s}{n}号`,
	companies:   `Jade Bamboo Lotus Crane Pearl River`,
	forms:       `Co. Ltd.,Technology`,
}

var taiwanese = &people{
	given:       `怡君/yichun 家豪/chiahao 淑芬/shufen 志明/chihming 雅婷/yating 俊傑/chunchieh 美玲/meiling 冠宇/kuanyu`,
	family:      `陳/chen 林/lin 黃/huang 張/chang 李/lee 王/wang 吳/wu 劉/liu 蔡/tsai 楊/yang`,
	familyFirst: true,
	joined:      true,
	streets:     `忠孝東路,中正路,民生路,復興路,和平西路`,
	street:      `{s}{n}號`,
	companies:   `Formosa Jade Alishan`,
	forms:       `Co. Ltd.,Inc.`,
}

var thai = &people{
	given:     `สมชาย/somchai สมหญิง/somying วิชัย/wichai มาลี/malee ประเสริฐ/prasert นภา/napa อนันต์/anan กมล/kamon`,
	family:    `ใจดี/jaidee สุขใจ/sukjai ทองดี/thongdee ศรีสุข/srisuk แสงทอง/saengthong วงศ์ไทย/wongthai`,
	streets:   `ถนนสุขุมวิท,ถนนสีลม,ถนนพหลโยธิน,ถนนเพชรบุรี,ถนนนิมมานเหมินท์`,
	street:    `{n} {s}`,
	companies: `Siam Lotus Chao Orchid`,
	forms:     `Co. Ltd.`,
}

var vietnamese = &people{
	given:       `Anh Minh Linh Hùng Thảo Dũng Hương Tuấn Mai Quân Ngọc Phúc Hạnh Đức`,
	family:      `Nguyễn Trần Lê Phạm Hoàng Huỳnh Phan Vũ Võ Đặng Bùi Đỗ`,
	familyFirst: true,
	streets:     `đường Lê Lợi,đường Nguyễn Huệ,đường Trần Phú,phố Hàng Bông,đường Hai Bà Trưng`,
	street:      `{n} {s}`,
	companies:   `Sen Bamboo Mekong Halong`,
	forms:       `JSC,Co. Ltd.`,
}

var indonesian = &people{
	given:     `Budi Siti Agus Dewi Rizky Ayu Eko Putri Hendra Wulan Dian Bayu Ratna Yusuf`,
	family:    `Santoso Wijaya Pratama Saputra Lestari Hidayat Kusuma Nugroho Setiawan Rahayu Siregar Halim`,
	streets:   `Jalan Sudirman,Jalan Merdeka,Jalan Diponegoro,Jalan Gajah Mada,Jalan Melati`,
	street:    `{s} No. {n}`,
	companies: `Nusantara Garuda Melati Borneo`,
	forms:     `PT,CV`,
}

var african = &people{
	given: `Chinedu Amina Tunde Ngozi Kwame Zanele Sipho Wanjiru Otieno Fatou Thandi Emeka Adaeze Kamau Lerato Akinyi Obinna Halima`,
	family: `Okafor Adeyemi Balogun Eze Mwangi Ochieng Kamau Njoroge Dlamini Nkosi Botha Naidoo Mokoena Abiodun Ibrahim Wanjala
		Khumalo`,
	streets:   `Market Street,Independence Avenue,Marina Road,Moi Avenue,Nelson Road,Allen Avenue,Long Street`,
	street:    `{n} {s}`,
	companies: `Baobab Savanna Acacia Ubuntu Serengeti Kilimo`,
	forms:     `Ltd,Limited,(Pty) Ltd`,
}
